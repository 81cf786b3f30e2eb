"""`bin/people`: which IDs are one person, so that none of them counts against another in a decision."""

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

ROOT = Path(__file__).resolve().parent.parent.parent


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 with a line that says why nothing was changed."""
    arguments = _parser().parse_args(argv)
    try:
        print(_change(arguments.what, arguments.first, arguments.second, load_settings(arguments.env)))
    except SettingsFault as fault:
        for line in [*(f"{key}: missing" for key in fault.not_in_env), *fault.env_errs]:
            print(line, file=sys.stderr)
        return 2
    except (Refusal, OSError, ValueError, sqlite3.Error) as error:
        print(f"bin/people: {error}", file=sys.stderr)
        return 2
    return 0


def _change(what: str, first: str, second: str, now: Settings) -> str:
    """Link or unlink two IDs; return what was done. Raises `ValueError` for IDs that cannot be linked."""
    database = Database(make_engine(now.sql_uri, now.sql_user, now.sql_pass, now.sql_schema))
    try:
        add_missing_tables(database)
        people = People(database, PeopleNames(now.sql_table, now.id_col, now.name_col, now.path_col), now.db_path)
        links = SamePeople(database)
        if what == "different":
            return f"{first} and {second} {'are two people' if links.unlink(first, second) else 'were not linked'}."
        unknown = [one for one in (first, second) if people.find(one) is None]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not enrolled")
        links.link(first, second)
        return f"{first} and {second} are one person."
    finally:
        database.dispose()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/people", description="Declare two IDs to be one person, or two again.")
    parser.add_argument("what", choices=["same", "different"])
    parser.add_argument("first", metavar="ID")
    parser.add_argument("second", metavar="ID")
    parser.add_argument("--env", type=Path, default=ROOT / ".env", help="the settings file (default: .env)")
    return parser
