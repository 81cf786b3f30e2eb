"""`bin/people`: who is enrolled, forgetting somebody, and which IDs are one person and do not count as rivals."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from codes_dict import Refusal
from db.people import People
from db.same_people import SamePeople
from db.schema import PeopleNames, add_missing_tables
from db.session import Database, make_engine
from env_validator import Settings, SettingsFault, load_settings
from tools.people.forgetting import forget, listed

ROOT = Path(__file__).resolve().parent.parent.parent


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 with a line that says why nothing was changed."""
    arguments = _parser().parse_args(argv)
    try:
        print(_done(arguments, load_settings(arguments.env)))
    except SettingsFault as fault:
        for line in [*(f"{key}: missing" for key in fault.not_in_env), *fault.env_errs]:
            print(line, file=sys.stderr)
        return 2
    except (Refusal, OSError, ValueError, sqlite3.Error) as error:
        print(f"bin/people: {error}", file=sys.stderr)
        return 2
    return 0


def _done(arguments: argparse.Namespace, now: Settings) -> str:
    """Do what was asked and return what to print. Raises `ValueError` for IDs with which that is impossible."""
    database = Database(make_engine(now.sql_uri, now.sql_user, now.sql_pass, now.sql_schema))
    try:
        add_missing_tables(database)
        people = People(database, PeopleNames(now.sql_table, now.id_col, now.name_col, now.path_col), now.db_path)
        if arguments.what == "list":
            return listed(people)
        if arguments.what == "forget":
            return forget(arguments.first, now, database, people)
        return _link(arguments.what, arguments.first, arguments.second, people, SamePeople(database))
    finally:
        database.dispose()


def _link(what: str, first: str, second: str, people: People, links: SamePeople) -> str:
    """Link or unlink two IDs."""
    if what == "different":
        return f"{first} and {second} {'are two people' if links.unlink(first, second) else 'were not linked'}."
    unknown = [one for one in (first, second) if people.find(one) is None]
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: not enrolled")
    links.link(first, second)
    return f"{first} and {second} are one person."


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--env", type=Path, default=ROOT / ".env", help="the settings file (default: .env)")
    parser = argparse.ArgumentParser(prog="bin/people", description="The people who are enrolled.")
    kinds = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    kinds.add_parser("list", parents=[common], help="list everybody")
    asked = {
        "forget": ("remove every trace of an ID; print a signed receipt", ["first"]),
        "same": ("declare two IDs to be one person", ["first", "second"]),
        "different": ("take that back", ["first", "second"]),
    }
    for name, (meaning, ids) in asked.items():
        one = kinds.add_parser(name, parents=[common], help=meaning)
        for each in ids:
            one.add_argument(each, metavar="ID")
    return parser
