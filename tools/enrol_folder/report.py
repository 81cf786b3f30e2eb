"""The report of a run: an entry per person, as lines for people and as a JSON or CSV file for programs."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, TextIO

PART = ".part"


class State(Enum):
    """What became of a person."""

    ENROLLED = "enrolled"
    ALREADY = "already enrolled"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Entry:
    """What became of a person, with the server's code if there is one.

    `photos` counts the enrolled photos, `left_out` says why each other file was left out, `possible_duplicates` lists
    other IDs with the same face.
    """

    id: str
    name: str
    folder: str
    state: State
    code: int | None = None
    message: str = ""
    advice: str = ""
    photos: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)
    possible_duplicates: Sequence[str] = ()
    is_the_servers: bool = False
    """Whether the server, and not the photos, is the reason for leaving the person out."""

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as the report's file stores it."""
        held = asdict(self)
        del held["is_the_servers"]
        return {**held, "state": self.state.value, "possible_duplicates": list(self.possible_duplicates)}

    def lines(self) -> list[str]:
        """Return the printed lines: one for the person, and one for each photo that is left out."""
        code = "" if self.code is None else f" {self.code}"
        count = f", {self.photos} photo{'' if self.photos == 1 else 's'}" if self.photos else ""
        head = f"{self.id}  {self.name}: {self.state.value}{code}{count}"
        said = [self.message] if self.message else []
        if self.advice not in ("", "Nothing."):
            said.append(self.advice)
        if self.possible_duplicates:
            said.append(f"The same face is enrolled as {', '.join(self.possible_duplicates)}.")
        photos = [f"    {file}: {why}" for file, why in self.left_out.items()]
        return [" ".join([f"{head}." if said else head, *said]), *photos]


class Form(Protocol):
    """How a report's file is written."""

    def head(self, source: str, started: str) -> str:
        """Return how the file begins."""

    def row(self, entry: Entry, *, is_first: bool) -> str:
        """Return an entry."""

    def tail(self, is_complete: bool, counts: Mapping[str, int]) -> str:
        """Return how the file ends."""


class JsonForm:
    """One object: where the people came from, a list of entries, and the counts."""

    def head(self, source: str, started: str) -> str:
        """Return the object up to the list."""
        head = {"folder": source, "started": started}
        return json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "people": ['

    def row(self, entry: Entry, *, is_first: bool) -> str:
        """Return an item of the list."""
        return ("\n  " if is_first else ",\n  ") + json.dumps(entry.as_dict(), ensure_ascii=False)

    def tail(self, is_complete: bool, counts: Mapping[str, int]) -> str:
        """Return the rest of the object."""
        return "\n ],\n" + json.dumps({"complete": is_complete, "counts": counts}, indent=1)[2:] + "\n"


class CsvForm:
    """A row per person; lists are joined by line breaks."""

    def head(self, source: str, started: str) -> str:
        """Return the names of the columns."""
        return _csv_line([one.name for one in fields(Entry) if one.name != "is_the_servers"])

    def row(self, entry: Entry, *, is_first: bool) -> str:
        """Return a row."""
        held = entry.as_dict()
        left_out = "\n".join(f"{file}: {why}" for file, why in entry.left_out.items())
        return _csv_line(
            {**held, "left_out": left_out, "possible_duplicates": "\n".join(entry.possible_duplicates)}.values()
        )

    def tail(self, is_complete: bool, counts: Mapping[str, int]) -> str:
        """Return nothing: the rows are all there is."""
        return ""


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([_as_text(str(value)) if value is not None else "" for value in values])
    return line.getvalue()


def _as_text(value: str) -> str:
    """Return a value that no spreadsheet takes for a formula: names come from others."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


class Report:
    """Counts, prints and stores entries; `not_reached` counts the people without one.

    The file has a temporary name until it is complete. `is_whole` is false if it could not be written completely.
    """

    def __init__(self, source: object, say: Callable[[str], None]) -> None:
        self.counts = Counter[State]()
        self.not_reached = 0
        self.is_whole = True
        self._source, self.say = str(source), say
        self._file: Path | None = None
        self._opened: TextIO | None = None
        self._form: Form = JsonForm()

    def open(self, file: Path | None) -> None:
        """Start the file, if there is to be one: CSV by the suffix .csv, else JSON. Raises `OSError`."""
        if file is None:
            return
        self._file, self._form = file, CsvForm() if file.suffix.lower() == ".csv" else JsonForm()
        self._opened = self._part(file).open("w", encoding="utf-8", newline="")
        self._write(self._form.head(self._source, datetime.now(UTC).isoformat(timespec="seconds")))

    def add(self, entry: Entry) -> None:
        """Add an entry."""
        self._write(self._form.row(entry, is_first=not self.counts.total()))
        self.counts[entry.state] += 1
        for line in entry.lines():
            self.say(line)

    def close(self) -> None:
        """Complete the file, also after an interruption."""
        counts = {state.value: self.counts[state] for state in State} | {"not reached": self.not_reached}
        self._write(self._form.tail(self.not_reached == 0, counts))
        try:
            if self._opened is not None and self._file is not None:
                self._opened.close()
                self._part(self._file).replace(self._file)
        except OSError as error:
            self._give_up(error)

    def summary(self) -> str:
        """Return the counts in one line."""
        said = [f"{self.counts[state]} {state.value}" for state in State]
        return ", ".join([*said, *([f"{self.not_reached} not reached"] if self.not_reached else [])])

    def _write(self, text: str) -> None:
        if self._opened is None:
            return
        try:
            self._opened.write(text)
            self._opened.flush()
        except OSError as error:  # a full disk does not stop the enrolment
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._opened, self.is_whole = None, False
        self.say(f"The report cannot be written to {self._file}: {error.strerror}.")

    @staticmethod
    def _part(file: Path) -> Path:
        return file.with_name(file.name + PART)
