"""`bin/init-db`: create the schema, the people table and the server's own tables. A second run changes nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bootstrap.records import create_tables
from env_validator import Settings
from tools.cli.table import about
from tools.installation.environment import SetupError
from tools.installation.first_settings import make_folders
from tools.records.rekey import begin_empty
from tools.records.running import Told, add_env, run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 with a line for each reason."""
    asked = make_parser().parse_args(argv)
    try:
        make_folders(asked.env)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    return run("bin/init-db", asked, lambda settings: _made(settings, asked.env if asked.seal else None))


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog="bin/init-db", description=about(__doc__))
    add_env(parser)
    parser.add_argument(
        "--seal", action="store_true", help="make a key that seals photos, faces and embeddings on the disk (DATA_KEY)"
    )
    return parser


def _made(settings: Settings, seal: Path | None) -> Told:
    create_tables(settings)
    sealed = begin_empty(seal, settings) if seal else ""
    place = settings.sql_uri if settings.sqlite_path else f"schema {settings.sql_schema} on {settings.sql_uri}"
    lines = [*filter(None, [sealed]), f"Table {settings.sql_table} and the faceapp_* tables exist: {place}"]
    return Told("\n".join(lines), {"table": settings.sql_table, "place": place, "sealed": bool(seal)})
