"""`bin/init-db`: create the schema, the people table and the server's own tables. A second run changes nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from bootstrap.records import create_tables
from env_validator import Settings
from tools.records.running import add_env, run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 with a line for each reason."""
    parser = argparse.ArgumentParser(prog="bin/init-db", description=__doc__)
    add_env(parser)
    return run("bin/init-db: could not create the tables", parser.parse_args(argv).env, _made)


def _made(settings: Settings) -> str:
    create_tables(settings)
    place = settings.sql_uri if settings.sqlite_path else f"schema {settings.sql_schema} on {settings.sql_uri}"
    return f"Table {settings.sql_table} and the faceapp_* tables exist: {place}"
