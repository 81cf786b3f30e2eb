"""The report of a run: lines for people as they come, and a JSON file for programs, written entry by entry."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from tools.enrol_folder.entry import Entry, State

PART = ".part"


class Report:
    """Counts, says and writes down entries; `not_reached` counts the people without one.

    The file has another name until it is whole. `is_whole` is false where it could not be written to its end.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.counts = Counter[State]()
        self.not_reached = 0
        self.is_whole = True
        self._folder, self.say = folder, say
        self._file: Path | None = None
        self._opened: TextIO | None = None

    def open(self, file: Path | None) -> None:
        """Begin the file, None for none. Raises `OSError`."""
        if file is None:
            return
        self._file = file
        self._opened = self._part(file).open("w", encoding="utf-8")
        head = {"folder": str(self._folder), "started": datetime.now(UTC).isoformat(timespec="seconds")}
        self._write(json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "people": [')

    def add(self, entry: Entry) -> None:
        """Take an entry in."""
        before = ",\n  " if self.counts.total() else "\n  "
        self._write(before + json.dumps(entry.as_dict(), ensure_ascii=False))
        self.counts[entry.state] += 1
        for line in entry.lines():
            self.say(line)

    def close(self) -> None:
        """Finish the file, after an interruption too."""
        counts = {state.value: self.counts[state] for state in State} | {"not reached": self.not_reached}
        tail = {"complete": self.not_reached == 0, "counts": counts}
        self._write("\n ],\n" + json.dumps(tail, indent=1)[2:] + "\n")
        try:
            if self._opened is not None and self._file is not None:
                self._opened.close()
                self._part(self._file).replace(self._file)
        except OSError as error:
            self._give_up(error)

    def summary(self) -> str:
        """Return one line on everybody."""
        said = [f"{self.counts[state]} {state.value}" for state in State]
        return ", ".join([*said, *([f"{self.not_reached} not reached"] if self.not_reached else [])])

    def _write(self, text: str) -> None:
        if self._opened is None:
            return
        try:
            self._opened.write(text)
            self._opened.flush()
        except OSError as error:  # a full disk is no reason to enrol nobody
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._opened, self.is_whole = None, False
        self.say(f"The report cannot be written to {self._file}: {error.strerror}.")

    @staticmethod
    def _part(file: Path) -> Path:
        return file.with_name(file.name + PART)
