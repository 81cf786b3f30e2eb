"""`bin/docs`: updates what is generated: the documentation's tables of codes and settings, the Postman collection."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tools.cli.table import about

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Return the exit code, always 0."""
    make_parser().parse_args(arguments)
    from tools.installation.collection import refresh_postman
    from tools.installation.tables import refresh_pages

    print(*[*refresh_pages(ROOT), *refresh_postman(ROOT)] or ["Everything is up to date."], sep="\n")
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes: nothing."""
    return argparse.ArgumentParser(prog="bin/docs", description=about(__doc__))
