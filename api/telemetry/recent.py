"""The last requests with what became of them, in memory: no photo, no embedding, no file name, no other person's ID."""

import math
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST = 500
"""Requests that are kept."""
MOST_ITEMS = 20
"""Items of a stage that are kept."""

Rows = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class SeenRequest:
    """A request that was answered.

    `endpoint` is the route's pattern, `when` in seconds since 1970. `key_id` and `person`, a pseudonym, are empty where
    there is none. `stages` are the ledger's rows as `without_names` leaves them.
    """

    request_id: str
    when: float
    method: str
    endpoint: str
    code: int
    milliseconds: float
    key_id: str = ""
    person: str = ""
    stages: Rows = field(default=(), repr=False)

    def summary(self) -> dict[str, Any]:
        """Return everything but the stages."""
        return {name: value for name, value in vars(self).items() if name != "stages"}


class RecentRequests:
    """Keeps the last `most` requests. Thread-safe."""

    def __init__(self, most: int = MOST) -> None:
        self._lock = threading.Lock()
        self._seen: deque[SeenRequest] = deque(maxlen=most)

    def add(self, seen: SeenRequest) -> None:
        """Keep a request; the oldest goes where there are too many."""
        with self._lock:
            self._seen.append(seen)

    def find(self, request_id: str) -> list[SeenRequest]:
        """Return the requests with this id, the newest first: a caller may use an id again."""
        return [seen for seen in self if seen.request_id == request_id]

    def matching(self, code: int | None = None, person: str = "", part_of_id: str = "") -> list[SeenRequest]:
        """Return those with this code, of this person, and with this text in their id; the newest first."""
        return [
            seen
            for seen in self
            if code in (None, seen.code) and person in ("", seen.person) and part_of_id in seen.request_id
        ]

    def forget(self, person: str) -> None:
        """Drop the requests of a person, by pseudonym."""
        with self._lock:
            kept = [seen for seen in self._seen if seen.person != person]
            self._seen.clear()
            self._seen.extend(kept)

    def __iter__(self) -> Iterator[SeenRequest]:
        with self._lock:
            return reversed(list(self._seen))


def without_names(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """Return a ledger's rows with photos by number in place of the client's file names, and rivals by their count."""
    numbers: dict[str, str] = {}

    def kept(item: Mapping[str, Any]) -> dict[str, Any]:
        shown = dict(item)
        if "image" in shown:
            shown["image"] = numbers.setdefault(str(shown["image"]), f"photo {len(numbers) + 1}")
        if isinstance(shown.get("nearer"), list):
            shown["nearer"] = len(shown["nearer"])
        return shown

    return tuple({**row, "items": [kept(item) for item in row.get("items", [])[:MOST_ITEMS]]} for row in rows)


def stage_seconds(seen: Iterable[SeenRequest]) -> list[dict[str, Any]]:
    """Return a row per stage, in the order of the stages: runs, and median, 95th percentile and maximum in ms."""
    times: dict[str, list[float]] = {}
    for one in seen:
        for row in one.stages:
            times.setdefault(row["name"], []).append(float(row["milliseconds"]))
    rows = [(name, sorted(found)) for name, found in times.items()]
    return [
        {"stage": name, "runs": len(found), "median": _at(found, 0.5), "p95": _at(found, 0.95), "most": found[-1]}
        for name, found in rows
    ]


def _at(ordered: list[float], share: float) -> float:
    """Return the value that this share of the values does not exceed."""
    return ordered[math.ceil(len(ordered) * share) - 1]
