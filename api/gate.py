"""Limits how many requests of the costly endpoints are accepted: beyond that they are BUSY at once, not timed out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app

from codes_dict import Code, Refusal

EXTENSION = "faceapp.gate"
WAITING_FOR_EACH = 8
"""Requests that may wait for each one that is processed."""


class Gate:
    """Lets `at_once` requests through at a time and `waiting` more wait."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self.at_once, self.waiting = at_once, waiting
        self._slots = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._inside = 0

    @classmethod
    def of(cls, at_once: int) -> Gate:
        """Return a gate with the usual number of waiting requests."""
        return cls(at_once, at_once * WAITING_FOR_EACH)

    @property
    def most(self) -> int:
        """Requests that may be processed or wait at the same time: each occupies a thread."""
        return self.at_once + self.waiting

    @property
    def inside(self) -> int:
        """Requests that are processed or wait now."""
        return self._inside

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Wait for a slot and hold it for the block; raises `Refusal(BUSY)` if too many are waiting already."""
        with self._lock:
            if self._inside >= self.most:
                raise Refusal(Code.BUSY)
            self._inside += 1
        try:
            with self._slots:
                yield
        finally:
            with self._lock:
                self._inside -= 1


def gate() -> Gate:
    """Return the application's gate."""
    found = current_app.extensions[EXTENSION]
    if not isinstance(found, Gate):
        raise TypeError("the application has no gate")
    return found
