"""`bin/why`: what became of a request, from the log; or what a code means."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from api.log_reading import codes_in, lines_of, log_files
from codes_dict import Code
from env_validator import Settings
from tools.records.running import add_env, run

MOST_LINES = 200


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 with a line that says why nothing is known."""
    parser = argparse.ArgumentParser(prog="bin/why", description="Say what became of a request, or what a code means.")
    add_env(parser)
    parser.add_argument("asked", metavar="REQUEST_ID|CODE", help="the reply's X-Request-ID, or the number of a code")
    arguments = parser.parse_args(argv)
    return run("bin/why", arguments.env, lambda settings: _answer(arguments.asked, settings))


def _answer(asked: str, settings: Settings) -> str:
    """Return what is known. Raises `ValueError` where that is nothing."""
    found = list(lines_of(asked, log_files(settings.log_loc)))
    lines, codes = [line for line, _ in found], codes_in(message for _, message in found)
    known = {int(code): code for code in Code}
    if not lines and asked.isascii() and asked.isdigit() and int(asked) in known:
        codes = [int(asked)]
    elif not lines:
        raise ValueError(f"{asked}: no line of {settings.log_loc} or of the rotated files has this request id")
    return "\n\n".join(
        ["\n".join(lines[-MOST_LINES:])] * bool(lines) + [explained(known[one]) for one in codes if one in known]
    )


def explained(code: Code) -> str:
    """Return what a code means and what to do about it, as a terminal shows it."""
    rows = {"Cause": code.cause, "Caller": code.caller_does, "Operator": code.operator_does}
    return "\n".join([f"{int(code)} {code.message}", *(f"  {name + ':':10}{text}" for name, text in rows.items())])
