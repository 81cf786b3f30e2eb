"""Limits how many requests of the costly endpoints are accepted: beyond that they are BUSY at once, not timed out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from flask import current_app

from codes_dict import Code, Refusal

_log = logging.getLogger(__name__)

EXTENSION = "faceapp.gate"
WAITING_FOR_EACH = 8
"""Requests that may wait for each one that is processed, so that a burst is served."""
UNDER_OVERLOAD = 0.5
"""How many are inside, for each that is processed at once otherwise, while more come than can be processed."""
CALM = 0.1
"""An overload is over when a smaller share of requests than this is refused; twice the capacity refuses half."""
MEMORY = 0.01
"""The weight of each request in that share: the last hundred count."""
IDLE_S = 0.5
"""An overload is also over when nothing was processed for so long."""


class Gate:
    """Lets `at_once` requests through at a time and `waiting` more wait. `clock` is in seconds.

    A burst fits into the queue. Where more requests come than can be processed, the queue is always full, and all that
    it does is to let everybody wait: from the first refusal on few are let in, until hardly any is refused.
    """

    def __init__(self, at_once: int, waiting: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.at_once, self.waiting = at_once, waiting
        self._slots = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._clock, self._last = clock, clock()
        self.inside = 0
        """Requests that are processed or wait now."""
        self._refused_share = 0.0
        self.is_overloaded = False

    @classmethod
    def of(cls, at_once: int) -> Gate:
        """Return a gate with the usual number of waiting requests."""
        return cls(at_once, at_once * WAITING_FOR_EACH)

    @property
    def most(self) -> int:
        """Requests that may be processed or wait at the same time: each occupies a thread."""
        return self.at_once + self.waiting

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Wait for a slot and hold it for the block; raises `Refusal(BUSY)` if too many are waiting already."""
        with self._lock:
            self._enter()
        try:
            with self._slots:
                yield
        finally:
            with self._lock:
                self.inside -= 1
                self._last = self._clock()

    def _enter(self) -> None:
        if not self.inside and self._clock() - self._last >= IDLE_S:
            self._overloaded(False)
        few = min(self.most, max(2, int(UNDER_OVERLOAD * self.at_once)))
        is_refused = self.inside >= (few if self.is_overloaded else self.most)
        if is_refused and not self.is_overloaded:
            self._overloaded(True)
            self._refused_share = 1.0
        self._refused_share += MEMORY * (is_refused - self._refused_share)
        if is_refused:
            raise Refusal(Code.BUSY)
        if self._refused_share < CALM:
            self._overloaded(False)
        self.inside += 1

    def _overloaded(self, is_so: bool) -> None:
        if is_so != self.is_overloaded:
            self.is_overloaded = is_so
            how = "more requests come than can be processed: few may wait" if is_so else "the overload is over"
            _log.warning("%s", how)


def gate() -> Gate:
    """Return the application's gate."""
    return cast(Gate, current_app.extensions[EXTENSION])
