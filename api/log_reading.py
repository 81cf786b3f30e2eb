"""Reading the log back: a request's lines, and the last ones."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import IO

TAIL_BYTES = 256 * 1024
"""Bytes from the end of the log in which its last lines are looked for."""
_TEXT = re.compile(r"[A-Z]+ --- \S+ --- (?P<id>\S+) --- (?P<message>.*)")
_NUMBERED = re.compile(r"(?:\bcode |^)(\d{3})\b")


def log_files(current: Path) -> list[Path]:
    """Return the log's files, the oldest first."""
    rotated = [path for path in current.parent.glob(f"{current.name}.*") if path.suffix[1:].isdigit()]
    return [*sorted(rotated, key=lambda path: -int(path.suffix[1:])), *([current] if current.is_file() else [])]


def lines_of(request_id: str, files: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Yield every line of a request, as it is in the log, with its message; both forms of the log are read.

    `files` are the log's, the oldest first; the server may rotate them meanwhile.
    """
    with ExitStack() as opened:
        for line in chain.from_iterable(_opened(files, opened)):
            if request_id in line:  # most lines are another request's: they are not parsed
                found, message = _parsed(line)
                if found == request_id:
                    yield line.rstrip("\n"), message


def _opened(files: Sequence[Path], stack: ExitStack) -> list[IO[str]]:
    """Open the files, the newest first: one that is renamed meanwhile is met again, and not missed."""
    logs: dict[int, IO[str]] = {}
    for file in reversed(files):
        with suppress(FileNotFoundError):  # between two names
            log = stack.enter_context(file.open(encoding="utf-8", errors="replace"))
            logs.setdefault(os.fstat(log.fileno()).st_ino, log)
    return list(reversed(logs.values()))


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


def codes_in(messages: Iterable[str]) -> list[int]:
    """Return the numbers that log messages name as codes, each once, in their order."""
    found = (int(number) for message in messages for number in _NUMBERED.findall(message))
    return list(dict.fromkeys(found))


def last_lines(file: Path, most: int) -> list[str]:
    """Return the log's last lines, at most so many; none where there is no log yet."""
    try:
        with file.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    whole = lines[1:] if size > TAIL_BYTES else lines
    return whole[-most:]
