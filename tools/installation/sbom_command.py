"""`bin/sbom`, the command: says what to install where the packages for developers are missing."""

import importlib.util
import sys
from pathlib import Path

import click

from tools.cli.exits import DONE, FAILED
from tools.cli.options import FILE, ROOT
from tools.installation.docs import INSTALL


@click.command("sbom")
@click.option("--output", type=FILE, metavar="FILE", help="The file to write (default: print).")
def command(output: Path | None) -> int:
    """Print a software bill of materials in CycloneDX: every pinned package of the server, and its weights."""
    if importlib.util.find_spec("cyclonedx") is None:
        print(f"bin/sbom needs the packages of requirements-dev.txt: {INSTALL}", file=sys.stderr)
        return FAILED
    from tools.installation.sbom import document

    text = document(ROOT)
    if output:
        output.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return DONE
