"""Lets a command import from the repository's root, with the Python of `.venv` if it exists."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent


def use_root() -> Path:
    """Import from the repository's root, not from `bin`; returns the root."""
    sys.path[0] = str(ROOT)
    return ROOT


def use_venv() -> Path:
    """Import from the root, and restart with the Python of `.venv` if it exists and is another one."""
    python = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists() and not is_within():
        run_with(python)
    return use_root()


def run(module: str) -> NoReturn:
    """Call `main` of a module with the command line's arguments, in the Python of `.venv`; exit with its status."""
    use_venv()
    sys.exit(import_module(module).main(sys.argv[1:]))


def check_arguments(about: str | None) -> None:
    """End with help for --help, and with a sentence for anything else: the command takes no arguments."""
    argparse.ArgumentParser(prog=f"bin/{Path(sys.argv[0]).name}", description=about).parse_args()


def is_within() -> bool:
    """Tell whether this is the Python of `.venv`."""
    return Path(sys.prefix).resolve() == (ROOT / ".venv").resolve()


def run_with(python: Path) -> None:
    """Restart this command with another Python; does not return."""
    sys.stdout.flush()
    script = str(Path(sys.argv[0]).absolute())
    os.execv(python, [str(python), script, *sys.argv[1:]])  # noqa: S606 - no shell needed
