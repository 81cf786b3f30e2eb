"""The report of a run: an entry per person, as lines for people and as a JSON or CSV file for programs."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, TextIO

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


def _as_text(value: object) -> str:
    """Return a value that no spreadsheet takes for a formula: names come from others."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


class Report:
    """Counts, prints and stores entries; `not_reached` counts the people without one.

    Until it is complete, the file has a temporary name and a line of JSON per entry: so much a killed run leaves.
    `is_whole` is false if it could not be written.
    """

    def __init__(self, source: object, say: Callable[[str], None]) -> None:
        self.counts = Counter[State]()
        self.not_reached = 0
        self.is_whole = True
        self._source, self.say = str(source), say
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._file: Path | None = None
        self._opened: TextIO | None = None
        self._entries: list[Entry] = []

    def open(self, file: Path | None) -> None:
        """Begin the file, if there is to be one: CSV by the suffix .csv, else JSON. Raises `OSError`."""
        if file is not None:
            self._file, self._opened = file, self._part(file).open("w", encoding="utf-8", newline="")

    def add(self, entry: Entry) -> None:
        """Add an entry."""
        self._entries.append(entry)
        self.counts[entry.state] += 1
        for said in entry.lines():
            self.say(said)
        line = json.dumps(entry.as_dict(), ensure_ascii=False)
        self._write(lambda _file, opened: print(line, file=opened, flush=True))

    def close(self) -> None:
        """Write the file, also after an interruption."""
        self._write(self._complete)

    def summary(self) -> str:
        """Return the counts in one line."""
        said = [f"{self.counts[state]} {state.value}" for state in State]
        return ", ".join([*said, *([f"{self.not_reached} not reached"] if self.not_reached else [])])

    def _write(self, write: Callable[[Path, TextIO], None]) -> None:
        """Call what writes to the file, if there is one; a full disk ends the file, not the enrolment."""
        if self._file is None or self._opened is None:
            return
        try:
            write(self._file, self._opened)
        except OSError as error:
            self.is_whole = False
            self.say(f"The report cannot be written to {self._file}: {error.strerror}.")
            with suppress(OSError):
                self._opened.close()
            self._opened = None

    def _complete(self, file: Path, opened: TextIO) -> None:
        opened.truncate(opened.seek(0))
        with opened:
            (self._write_csv if file.suffix.lower() == ".csv" else self._write_json)(opened)
        self._part(file).replace(file)

    def _write_json(self, opened: TextIO) -> None:
        counts = {state.value: self.counts[state] for state in State} | {"not reached": self.not_reached}
        head = {"folder": self._source, "started": self._started, "people": [one.as_dict() for one in self._entries]}
        json.dump({**head, "complete": self.not_reached == 0, "counts": counts}, opened, ensure_ascii=False, indent=1)
        opened.write("\n")

    def _write_csv(self, opened: TextIO) -> None:
        """Write a row per person; lists are joined by line breaks."""
        writer = csv.DictWriter(opened, [one.name for one in fields(Entry) if one.name != "is_the_servers"])
        writer.writeheader()
        for one in self._entries:
            left_out = "\n".join(f"{file}: {why}" for file, why in one.left_out.items())
            row = {**one.as_dict(), "left_out": left_out, "possible_duplicates": "\n".join(one.possible_duplicates)}
            writer.writerow({name: _as_text(value) for name, value in row.items()})

    @staticmethod
    def _part(file: Path) -> Path:
        return file.with_name(file.name + PART)
