"""How a command on the records runs: the settings, the database, and one line for whatever goes wrong."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.models import LoadFault
from bootstrap.records import make_tables, open_database
from bootstrap.sealing import check_keys
from codes_dict import Refusal
from db import files
from db.migrations.upgrade import upgrade
from db.session import Database
from env_validator import Settings, SettingsFault, load_settings
from security.audit import ASKER, Asker
from tools.cli.exits import DONE, FAILED, NO

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Told:
    """What a command found or did: for a person, and for a program."""

    text: str
    data: Mapping[str, Any]


class CheckFailed(Exception):  # noqa: N818 - an answer, not an error
    """The command could look, and what it found is wrong."""


def add_env(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Add the options of every command on the records; `again` for a subcommand of a parser that has them, too."""
    env, as_json = (argparse.SUPPRESS, argparse.SUPPRESS) if again else (ROOT / ".env", False)
    parser.add_argument("--env", type=Path, default=env, help="the settings file (default: .env)")
    parser.add_argument("--json", action="store_true", default=as_json, help="print JSON")


def run(command: str, given: argparse.Namespace, work: Callable[[Settings], Told]) -> int:
    """Print what `work` returns; return the exit code: `NO` for `CheckFailed`, `FAILED` where nothing was done."""
    files.for_owner_only()
    ASKER.set(Asker(command))
    try:
        told = work(load_settings(given.env))
    except SettingsFault as fault:
        return _failed(fault.lines(), given.json, FAILED)
    except CheckFailed as found:
        return _failed([f"{command}: {found}"], given.json, NO)
    except (Refusal, OSError, ValueError, sqlite3.Error) as error:
        return _failed([f"{command}: {error}"], given.json, FAILED)
    print(json.dumps(told.data, indent=2, ensure_ascii=False) if given.json else told.text)
    return DONE


def _failed(lines: Sequence[str], as_json: bool, status: int) -> int:
    """Print why, as JSON on stdout where that is asked for."""
    if as_json:
        print(json.dumps({"errors": [line for one in lines for line in one.splitlines()]}, indent=2))
    else:
        print(*lines, sep="\n", file=sys.stderr)
    return status


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Yield the database of the settings with all tables of this version.

    Raises `Refusal(DB_DOWN)`, and `ValueError` where DATA_KEY is not the key of the files.
    """
    try:
        check_keys(settings)
    except LoadFault as fault:
        raise ValueError(str(fault)) from fault
    make_tables(settings)
    database = open_database(settings)
    try:
        upgrade(database)
        yield database
    finally:
        database.dispose()
