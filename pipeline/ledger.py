"""The request's ledger: one row per stage, in order, for the reply's `stages`, the log and the console."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

from codes_dict import Code, Refusal


@dataclass
class Row:
    """A stage's row while the stage runs. `items` are per-image values and thresholds, ready for JSON.

    `about` says what decided, where more than one thing could.
    """

    name: str
    came_in: int = 0
    went_out: int = 0
    code: Code | None = None
    advice: str = ""
    items: list[Mapping[str, Any]] = field(default_factory=list)
    milliseconds: float = 0.0
    about: Mapping[str, Any] = field(default_factory=dict)

    def note(self, **values: Any) -> None:
        """Add one item's values."""
        self.items.append(values)

    def as_dict(self) -> dict[str, Any]:
        """Return the row as a reply shows it."""
        return {
            "name": self.name,
            "in": self.came_in,
            "out": self.went_out,
            "code": None if self.code is None else int(self.code),
            "milliseconds": round(self.milliseconds, 1),
            "advice": self.advice,
            "items": [dict(item) for item in self.items],
            **({"about": dict(self.about)} if self.about else {}),
        }


class Ledger:
    """All rows of one request."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.rows: list[Row] = []

    @contextmanager
    def stage(self, name: str, came_in: int) -> Iterator[Row]:
        """Time one stage and record how it ended: a refusal that passes through leaves its code in the row.

        Entering a stage again, for a request's next batch of photos, adds to its row.
        """
        row = self._row(name)
        row.came_in += came_in
        started = self._clock()
        try:
            yield row
        except Refusal as refusal:
            _end(row, refusal)
            raise
        finally:
            row.milliseconds += (self._clock() - started) * 1000

    def refuse(self, name: str, code: Code) -> NoReturn:
        """End the request at a stage that has seen its last batch: record the code in its row and raise `Refusal`."""
        refusal = Refusal(code)
        _end(self._row(name), refusal)
        raise refusal

    def _row(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        self.rows.append(Row(name))
        return self.rows[-1]

    def as_list(self) -> list[dict[str, Any]]:
        """Return all rows as a reply shows them."""
        return [row.as_dict() for row in self.rows]


def _end(row: Row, refusal: Refusal) -> None:
    row.code, row.advice, row.went_out = refusal.code, refusal.advice, 0
