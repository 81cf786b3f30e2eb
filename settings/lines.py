"""The lines of a `.env` file: keys, their values, and what cannot be understood."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from settings.keys import KEYS


class Original(Protocol):
    """Where a line stands in the file, and its text with blank lines before it."""

    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def string(self) -> str: ...  # noqa: D102


class Line(Protocol):
    """A line as the reader of the file hands it over."""

    @property
    def key(self) -> str | None: ...  # noqa: D102
    @property
    def value(self) -> str | None: ...  # noqa: D102
    @property
    def original(self) -> Original: ...  # noqa: D102
    @property
    def error(self) -> bool: ...  # noqa: D102


def sort_lines(lines: Iterable[Line]) -> tuple[dict[str, str], list[str], dict[str, str]]:
    """Return the known keys' values, the unknown keys, and the faults by key (or line)."""
    known = {key.name for key in KEYS}
    values: dict[str, str] = {}
    unknown: list[str] = []
    faults: dict[str, str] = {}
    for line in lines:
        number = line.original.line + len(line.original.string) - len(line.original.string.lstrip("\r\n"))
        if line.error:
            faults[f"line {number}"] = f"line {number}: cannot be understood, accepted: KEY=VALUE"
        elif line.key in known:
            if line.key in values:
                faults[line.key] = f"{line.key}: is set more than once, accepted: one line for each key"
            values[line.key] = line.value or ""
        elif line.key is not None:
            unknown.append(line.key)
    return values, unknown, faults
