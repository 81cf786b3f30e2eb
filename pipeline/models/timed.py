"""Liveness with a time limit: engines that do not answer refuse, and hold neither a request nor the next ones."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from codes_dict import Code, Refusal
from pipeline.models.aside import ended, run_in_thread
from pipeline.types import Face, LivenessAbout, LivenessJudge, LivenessVerdict

_log = logging.getLogger(__name__)

THREAD = "liveness call"
"""The name of the threads that engines run in."""

Verdicts = list[LivenessVerdict]


class TimedJudge:
    """A `LivenessJudge` around another one: a call that takes longer than `limit_s` is `Refusal(NO_LIVENESS)`.

    Nothing can end such a call, so its thread is left behind. Until it returns, every other call is refused at once:
    calls that hang do not pile up, and at most those hang that were under way together. Safe to call from threads.
    """

    def __init__(self, inner: LivenessJudge, limit_s: float) -> None:
        self._inner, self._limit_s = inner, limit_s
        self._lock = threading.Lock()
        self._overdue: set[Future[Verdicts]] = set()

    @property
    def about(self) -> LivenessAbout:
        """What the inner judge says of itself."""
        return self._inner.about

    def judge(self, faces: Sequence[Face]) -> Verdicts:
        """Judge the faces as the inner judge does, which may raise; see `pipeline.types.LivenessJudge`."""
        with self._lock:
            if self._overdue:
                raise Refusal(Code.NO_LIVENESS, "a liveness engine has still not answered an earlier request")
        call = run_in_thread(lambda: self._inner.judge(faces), THREAD)
        if ended(call, self._limit_s):
            return call.result()
        with self._lock:
            self._overdue.add(call)
        call.add_done_callback(self._returned)
        raise Refusal(Code.NO_LIVENESS, f"a liveness engine has not answered within {self._limit_s:g} s")

    def _returned(self, call: Future[Verdicts]) -> None:
        with self._lock:
            self._overdue.discard(call)
        _log.warning("a liveness engine that took too long has returned: its answer is not used, the next one is")
