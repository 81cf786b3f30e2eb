"""How a command on the records runs: the settings, the database, and one line for whatever goes wrong."""

import functools
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bootstrap.models import LoadFault
from bootstrap.records import audit_folder, make_tables, open_database
from bootstrap.sealing import check_keys
from codes_dict import Refusal
from db import files
from db.audit import AuditTrail
from db.migrations.upgrade import upgrade
from db.session import Database
from env_validator import Settings, SettingsFault, load_settings
from security.audit import ASKER, Asker
from tools.cli.exits import DONE, FAILED, NO
from tools.cli.options import env_option, json_option, sentence
from tools.installation.environment import SetupError

Told = tuple[str, Mapping[str, Any]]
"""What a command found or did: for a person, and for a program."""


class CheckFailed(Exception):  # noqa: N818 - an answer, not an error
    """The command could look, and what it found is wrong."""


def on_records(
    name: str, first: Callable[[Path], None] = lambda env: None
) -> Callable[[Callable[..., Told]], Callable[..., int]]:
    """Give a command `--env` and `--json`, and the settings as its first argument; print what it returns.

    The exit code is `NO` for `CheckFailed` and `FAILED` where nothing was done. `first` runs before settings are read.
    """

    def decorate(work: Callable[..., Told]) -> Callable[..., int]:
        @env_option
        @json_option
        @functools.wraps(work)
        def run(env: Path, as_json: bool, **given: Any) -> int:
            files.for_owner_only()
            ASKER.set(Asker(f"bin/{name}"))
            try:
                first(env)
                text, data = work(load_settings(env), **given)
            except SettingsFault as fault:
                missing = f"{env} does not exist; bin/start writes the first one"
                return _failed(fault.lines() if env.exists() else [missing], as_json, FAILED)
            except CheckFailed as found:
                return _failed([str(found)], as_json, NO)
            except (Refusal, SetupError, OSError, ValueError, sqlite3.Error) as error:
                return _failed([sentence(error)], as_json, FAILED)
            click.echo(json.dumps(data, indent=2, ensure_ascii=False) if as_json else text)
            return DONE

        return run

    return decorate


@dataclass(frozen=True)
class Records:
    """What a command works on: the settings, their database, and the audit in which it is noted."""

    settings: Settings
    database: Database
    audit: AuditTrail


def on_database(name: str) -> Callable[[Callable[..., Told]], Callable[..., int]]:
    """Give a command what `on_records` does, with `Records` in place of the settings alone."""

    def decorate(work: Callable[..., Told]) -> Callable[..., int]:
        @functools.wraps(work)
        def run(settings: Settings, **given: Any) -> Told:
            with opened(settings) as database:
                return work(Records(settings, database, AuditTrail(database, audit_folder(settings))), **given)

        return on_records(name)(run)

    return decorate


def settings_file() -> Path:
    """Return the `.env` of the command that runs."""
    file: Path = click.get_current_context().params["env"]
    return file


def _failed(lines: Sequence[str], as_json: bool, status: int) -> int:
    """Print why, as JSON on stdout where that is asked for."""
    if as_json:
        print(json.dumps({"errors": [line for one in lines for line in one.splitlines()]}, indent=2))
    else:
        click.ClickException("\n".join(lines)).show()
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
