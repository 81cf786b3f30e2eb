"""`bin/docs`: updates what is generated: the tables of codes and settings, the Postman collection; builds the site."""

import importlib.util
import os
import re
import sys
from pathlib import Path

import click

from codes_dict import Code
from settings.keys import OPTIONAL, REQUIRED, Key
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


def codes_table() -> str:
    """Return a row per code, by number: HTTP status, message, what the caller does, what the operator does."""
    rows = ["| code | HTTP | message | advice | retry | what the operator does |", "|---|---|---|---|---|---|"]
    for code in sorted(Code, key=int):
        retry = "yes" if code.retry else ""
        cells = (str(int(code)), str(code.status), code.message, code.caller_does, retry, code.operator_does)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def settings_table(example: str) -> str:
    """Return a row per key: required ones with the value of the example, then optional ones with their default."""
    values = dict(re.findall(r"(?m)^([A-Z_]+)=(.*)$", example))
    rows = ["| key | meaning | accepted | example or default |", "|---|---|---|---|"]
    rows += [_row(key, values[key.name]) for key in REQUIRED]
    rows += ["| | **Optional keys** | | |"]
    rows += [_row(key, key.default or "") for key in OPTIONAL]
    return "\n".join(rows)


def tables(example: str) -> dict[str, str]:
    """Return the generated tables by name; `docs/NAME.md` is the page of each."""
    return {"codes": codes_table(), "settings": settings_table(example)}


def refresh(text: str, name: str, table: str) -> str:
    """Return a page's text with its table as it is now; raises `ValueError` if a marker is missing."""
    begin, end = f"<!-- {name}: made by bin/docs -->", f"<!-- end of {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"the page lacks the markers of the table of {name}")
    before, rest = text.split(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"


def refresh_pages(root: Path) -> list[str]:
    """Update the pages; returns those that changed."""
    changed = []
    for name, table in tables((root / ".env.example").read_text(encoding="utf-8")).items():
        page = root / "docs" / f"{name}.md"
        before = page.read_text(encoding="utf-8")
        after = refresh(before, name, table)
        page.write_text(after, encoding="utf-8")
        changed += [f"docs/{name}.md"] if after != before else []
    return changed


def _row(key: Key, value: str) -> str:
    shown = f"`{value}`" if value else "(empty)"
    return f"| `{key.name}` | {key.meaning} | {key.accepted} | {shown} |"
