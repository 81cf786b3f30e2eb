"""`bin/docs`: updates what is generated: the tables of codes and settings, the Postman collection; builds the site."""

import importlib.util
import os
import sys
from pathlib import Path

import click

from tools.cli.exits import DONE, FAILED
from tools.cli.options import FILE, ROOT

INSTALL = ".venv/bin/python -m pip install --no-deps -r requirements-dev.txt"


@click.command("docs")
@click.option("--site", is_flag=True, help="Also build the documentation as a site.")
@click.option("--to", type=FILE, default=ROOT / "build" / "site", show_default=False, metavar="DIR",
              help="Where to (default: build/site).")  # fmt: skip
def command(site: bool, to: Path) -> int:
    """Update what is generated: tables of codes and settings, the Postman collection. Exit code 2: a broken link."""
    from tools.installation.collection import refresh_postman
    from tools.installation.tables import refresh_pages

    print(*[*refresh_pages(ROOT), *refresh_postman(ROOT)] or ["Everything is up to date."], sep="\n")
    return build_site(to, ROOT / "mkdocs.yml") if site else DONE


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
