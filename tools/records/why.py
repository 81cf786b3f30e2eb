"""`bin/why`: what became of a request, from the log; or what a code means."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from api.log_reading import codes_in, lines_of, log_files
from codes_dict import Code
from env_validator import described
from tools.cli.codes import described_code, explained
from tools.cli.exits import DONE, FAILED
from tools.records.running import add_env

MOST_LINES = 200
_CODES = {str(int(code)): code for code in Code}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 with a line that says why nothing is known."""
    arguments = make_parser().parse_args(argv)
    asked = arguments.asked
    try:
        log = None if asked in _CODES else _log_of(arguments.env)
        lines, codes = ([], [_CODES[asked]]) if log is None else _found(asked, log)
    except (ValueError, OSError) as error:
        print(f"bin/why: {error}", file=sys.stderr)
        return FAILED
    if arguments.json:
        print(json.dumps({"lines": lines, "codes": [described_code(code) for code in codes]}, indent=2))
    else:
        print("\n\n".join([*(["\n".join(lines)] if lines else []), *map(explained, codes)]))
    return DONE


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog="bin/why", description="Say what became of a request, or what a code means.")
    add_env(parser)
    parser.add_argument("asked", metavar="REQUEST_ID|CODE", help="the reply's X-Request-ID, or the number of a code")
    return parser


def _log_of(env: Path) -> Path:
    """Return where the log is, whatever else is wrong with the settings. Raises `ValueError` where LOG_LOC is wrong."""
    row = next(row for row in described(env) if row["key"] == "LOG_LOC")
    if row["fault"] or not row["value"]:
        raise ValueError(f"LOG_LOC {row['fault']}")
    return env.absolute().parent / str(row["value"])


def _found(asked: str, log: Path) -> tuple[list[str], list[Code]]:
    """Return the last lines of a request, and its codes. Raises `ValueError` where there are none."""
    found = list(lines_of(asked, log_files(log)))
    lines, codes = [line for line, _ in found], codes_in(message for _, message in found)
    if not lines:
        raise ValueError(f"{asked}: no line of {log} or of the rotated files has this request id")
    return lines[-MOST_LINES:], [_CODES[str(number)] for number in codes if str(number) in _CODES]
