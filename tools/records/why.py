"""`bin/why`: what became of a request, from the log; or what a code means."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from codes_dict import Code
from env_validator import Settings
from tools.records.running import add_env, run

MOST_LINES = 200
_NUMBERED = re.compile(r"(?:\bcode |^)(\d{3})\b")
_TEXT = re.compile(r"[A-Z]+ --- \S+ --- (?P<id>\S+) --- (?P<message>.*)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 with a line that says why nothing is known."""
    parser = argparse.ArgumentParser(prog="bin/why", description="Say what became of a request, or what a code means.")
    add_env(parser)
    parser.add_argument("asked", metavar="REQUEST_ID|CODE", help="the reply's X-Request-ID, or the number of a code")
    arguments = parser.parse_args(argv)
    return run("bin/why", arguments.env, lambda settings: _answer(arguments.asked, settings))


def _answer(asked: str, settings: Settings) -> str:
    """Return what is known. Raises `ValueError` where that is nothing."""
    lines, codes = [], dict[int, None]()
    for line, message in lines_of(asked, log_files(settings.log_loc)):
        lines.append(line)
        codes.update(dict.fromkeys(int(number) for number in _NUMBERED.findall(message)))
    known = {int(code): code for code in Code}
    if not lines and asked.isascii() and asked.isdigit() and int(asked) in known:
        codes = {int(asked): None}
    elif not lines:
        raise ValueError(f"{asked}: no line of {settings.log_loc} or of the rotated files has this request id")
    return "\n\n".join(
        ["\n".join(lines[-MOST_LINES:])] * bool(lines) + [explained(known[one]) for one in codes if one in known]
    )


def explained(code: Code) -> str:
    """Return what a code means and what to do about it, as a terminal shows it."""
    rows = {"Cause": code.cause, "Caller": code.caller_does, "Operator": code.operator_does}
    return "\n".join([f"{int(code)} {code.message}", *(f"  {name + ':':10}{text}" for name, text in rows.items())])


def log_files(current: Path) -> list[Path]:
    """Return the log's files, the oldest first."""
    rotated = [path for path in current.parent.glob(f"{current.name}.*") if path.suffix[1:].isdigit()]
    return [*sorted(rotated, key=lambda path: -int(path.suffix[1:])), *([current] if current.is_file() else [])]


def lines_of(request_id: str, files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yield every line of a request, as it is in the log, with its message; both forms of the log are read."""
    for file in files:
        with file.open(encoding="utf-8", errors="replace") as log:
            for line in log:
                if request_id in line:  # most lines are another request's: they are not parsed
                    found, message = _parsed(line)
                    if found == request_id:
                        yield line.rstrip("\n"), message


def _parsed(line: str) -> tuple[str, str]:
    """Return a line's request id and message, nothing where it has none."""
    if line.startswith("{"):
        try:
            entry = json.loads(line)
        except ValueError:
            return "", ""
        return str(entry.get("request_id", "")), str(entry.get("message", ""))
    parts = _TEXT.match(line)
    return (parts["id"], parts["message"]) if parts else ("", "")
