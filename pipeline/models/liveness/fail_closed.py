"""Liveness that fails closed: a fault, a wrong verdict or no answer in time is NO_LIVENESS, never a pass."""

import logging
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import TypeVar

from codes_dict import Code, Refusal
from pipeline.types import Face, LivenessAbout, LivenessJudge, LivenessVerdict

_log = logging.getLogger(__name__)

THREAD = "liveness call"
"""The name of the threads that engines run in."""

T = TypeVar("T")
Verdicts = list[LivenessVerdict]


class FailClosedJudge:
    """A `LivenessJudge` around another one: any exception, and any verdict that is none, is `Refusal(NO_LIVENESS)`.

    So is a call that takes longer than `limit_s` seconds. Nothing can end such a call, so its thread is left behind.
    Until it returns, every other call is refused at once: calls that hang do not pile up, and at most those hang that
    were under way together. Safe to call from threads.
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
        """Judge the faces; one verdict a face, each with a score from 0 to 1."""
        try:
            verdicts = self._in_time(faces)
        except Refusal:
            raise
        except Exception as fault:
            raise _refused("a liveness engine failed", fault) from fault
        if len(verdicts) != len(faces):
            raise Refusal(Code.NO_LIVENESS, f"{len(verdicts)} verdicts for {len(faces)} faces")
        if not all(math.isfinite(one.score) and 0 <= one.score <= 1 for one in verdicts):
            raise Refusal(Code.NO_LIVENESS, "a score is not a number from 0 to 1")
        return verdicts

    def _in_time(self, faces: Sequence[Face]) -> Verdicts:
        """Judge the faces as the inner judge does, which may raise."""
        with self._lock:
            if self._overdue:
                raise Refusal(Code.NO_LIVENESS, "a liveness engine has still not answered an earlier request")
        call = run_in_thread(lambda: self._inner.judge(faces), THREAD)
        if wait_done(call, self._limit_s):
            return call.result()
        with self._lock:
            self._overdue.add(call)
        call.add_done_callback(self._returned)
        raise Refusal(Code.NO_LIVENESS, f"a liveness engine has not answered within {self._limit_s:g} s")

    def _returned(self, call: Future[Verdicts]) -> None:
        with self._lock:
            self._overdue.discard(call)
        _log.warning("a liveness engine that took too long has returned: its answer is not used, the next one is")


def load_fail_closed(load: Callable[[], LivenessJudge], limit_s: float) -> FailClosedJudge:
    """Load a judge whose calls take at most `limit_s` seconds; raises `Refusal(NO_LIVENESS)`, whatever goes wrong."""
    try:
        return FailClosedJudge(load(), limit_s)
    except Refusal:
        raise
    except Exception as fault:
        raise _refused("the liveness engines could not be loaded", fault) from fault


def run_in_thread(work: Callable[[], T], name: str) -> Future[T]:
    """Start `work` in a new thread called `name`, in the caller's context: its log lines carry the request's ID.

    The thread does not prevent the process from exiting. What `work` raises is raised by the future's `result`.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as fault:  # noqa: BLE001 - raised by `result`
            future.set_exception(fault)

    threading.Thread(target=copy_context().run, args=(run,), name=name, daemon=True).start()
    return future


def wait_done(future: Future[T], seconds: float) -> bool:
    """Wait for the work for at most `seconds` (not at all below 0) and return whether it is done."""
    return bool(wait([future], max(0.0, seconds)).done)


def _refused(what: str, fault: Exception) -> Refusal:
    _log.error("178 %s", what, exc_info=fault)
    return Refusal(Code.NO_LIVENESS, f"{what}: {type(fault).__name__}")
