"""`bin/docs`: updates what is generated: the tables of codes and settings, the Postman collection; builds the site."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.cli.exits import FAILED
from tools.cli.table import about

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ".venv/bin/python -m pip install --no-deps -r requirements-dev.txt"


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0, or 2 where the site has a broken link or its packages are not installed."""
    asked = make_parser().parse_args(arguments)
    from tools.installation.collection import refresh_postman
    from tools.installation.tables import refresh_pages

    print(*[*refresh_pages(ROOT), *refresh_postman(ROOT)] or ["Everything is up to date."], sep="\n")
    return build_site(asked.to, ROOT / "mkdocs.yml") if asked.site else 0


def build_site(folder: Path, settings: Path) -> int:
    """Build the site into a folder; return 0, or 2 with a line for each fault, such as a link that leads nowhere."""
    if importlib.util.find_spec("mkdocs") is None:
        print(f"bin/docs: --site needs the packages of requirements-dev.txt: {INSTALL}", file=sys.stderr)
        return FAILED
    os.environ["NO_MKDOCS_2_WARNING"] = "1"  # the theme's advertisement of its successor
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort

    try:
        build(load_config(str(settings), site_dir=str(folder.absolute())))
    except Abort:
        return FAILED
    print(f"The site is in {folder}: open {folder / 'index.html'}")
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog="bin/docs", description=about(__doc__))
    parser.add_argument("--site", action="store_true", help="build the documentation as a site, too")
    site = ROOT / "build" / "site"
    parser.add_argument("--to", type=Path, default=site, metavar="DIR", help="where to (default: build/site)")
    return parser
