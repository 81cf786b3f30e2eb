"""How a command on the records runs: the settings, the database, and one line for whatever goes wrong."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.models import LoadFault
from bootstrap.records import make_tables, open_database
from bootstrap.sealing import check_keys
from codes_dict import Refusal
from db import files
from db.migrations.upgrade import upgrade
from db.session import Database
from env_validator import Settings, SettingsFault, load_settings
from security.audit import ASKER, Asker

ROOT = Path(__file__).resolve().parents[2]


def add_env(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the settings file."""
    parser.add_argument("--env", type=Path, default=ROOT / ".env", help="the settings file (default: .env)")


def run(command: str, env: Path, work: Callable[[Settings], str]) -> int:
    """Print what `work` returns; return 0, or 2 with a line for each reason why nothing was changed."""
    files.for_owner_only()
    ASKER.set(Asker(command.partition(":")[0]))
    try:
        print(work(load_settings(env)))
    except SettingsFault as fault:
        print(*fault.lines(), sep="\n", file=sys.stderr)
        return 2
    except (Refusal, OSError, ValueError, sqlite3.Error) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 2
    return 0


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
