"""Lets the commands of this folder import from the repository's root; `main` runs them."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools.cli.launch import main  # noqa: E402 - found only now

__all__ = ["main"]
