"""`bin/setup`: creates .venv and installs the pinned packages into it. A second run does nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.installation.environment import SetupError, prepare, say

ABOUT = "Create .venv and install the pinned packages into it. A second run does nothing."
ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0, or 2 with one sentence on the reason."""
    make_parser().parse_args(arguments)
    try:
        prepare(ROOT, ["requirements.txt"], say)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    print("The packages are installed.")
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes: nothing."""
    return argparse.ArgumentParser(prog="bin/setup", description=ABOUT)
