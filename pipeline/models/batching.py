"""Calls of several requests to one model, run as one call.

Nobody waits for company: a call that finds the model free runs at once. What arrives while the model is busy is run
together when it is free again, so the wait is bounded by one call of the model, and a lone client loses nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from pipeline.batch_sizes import BATCH_SIZES
from pipeline.models.runtime import Array, Runner


class _Call:
    """One caller's arrays, and what became of them."""

    def __init__(self, arrays: Sequence[Array]) -> None:
        self.arrays = arrays
        self.rows = len(arrays[0])
        self.results: Sequence[Array] | None = None
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.results is not None or self.error is not None

    def fits(self, other: _Call) -> bool:
        """Whether the rows of both fit into one array."""
        kinds = [[(one.dtype, one.shape[1:]) for one in call.arrays] for call in (self, other)]
        return kinds[0] == kinds[1]


class RequestBatcher:
    """A `Runner` around another one, which computes each row for itself; the first axis of all arrays counts the rows.

    `run` is called with at most `most` rows of several callers (one caller's are never divided), by one thread at a
    time. An exception reaches the caller whose rows caused it and nobody else: where a joint call fails, each of its
    callers' rows are run alone. Thread-safe; there is no thread of its own, and nothing to close. `name` is what the
    metrics call the model, whose rows they count.
    """

    def __init__(self, run: Runner, most: int = 32, *, name: str = "model") -> None:
        self._run, self._most, self._sizes = run, most, BATCH_SIZES.labels(name)
        self._changed = threading.Condition()
        self._waiting: list[_Call] = []
        self._busy = False

    def __call__(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Return what `run` returns for these arrays; raises what it raises for them."""
        call = _Call(arrays)
        with self._changed:
            self._waiting.append(call)
        while not call.done:
            batch = self._turn(call)
            if batch:
                self._work(batch)
        if call.results is None:
            raise call.error or RuntimeError("the call ended without a result")
        return call.results

    def _turn(self, call: _Call) -> list[_Call]:
        """Wait until the call is done, or until it is this thread's turn to run the model; return what to run."""
        with self._changed:
            while self._busy and not call.done:
                self._changed.wait()
            if call.done:
                return []
            self._busy = True
            first, rows = self._waiting[0], 0
            batch: list[_Call] = []
            for one in list(self._waiting):
                if not batch or (rows + one.rows <= self._most and one.fits(first)):
                    batch.append(one)
                    rows += one.rows
                    self._waiting.remove(one)
            return batch

    def _work(self, batch: list[_Call]) -> None:
        try:
            if len(batch) > 1:
                self._try(batch)
            for call in batch:
                if not call.done:
                    self._try([call])
        finally:
            with self._changed:
                self._busy = False
                self._waiting[:0] = [call for call in batch if not call.done]  # this thread was stopped: others go on
                self._changed.notify_all()

    def _try(self, batch: list[_Call]) -> None:
        joined = batch[0].arrays
        if len(batch) > 1:
            joined = [np.concatenate(parts) for parts in zip(*(call.arrays for call in batch), strict=True)]
        try:
            self._sizes.observe(len(joined[0]))
            results = list(self._run(joined))
            if any(len(result) != len(joined[0]) for result in results):
                raise ValueError(f"the model gave {[len(one) for one in results]} rows for {len(joined[0])}")
        except Exception as error:  # noqa: BLE001 - it is raised in the thread of the caller whose rows these are
            if len(batch) == 1:
                batch[0].error = error
            return
        start = 0
        for call in batch:
            call.results = [result[start : start + call.rows] for result in results]
            start += call.rows
