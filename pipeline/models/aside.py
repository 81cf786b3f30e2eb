"""Work in a thread of its own, which the caller may wait for, or leave behind where it never ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


def run_in_thread(work: Callable[[], T], name: str) -> Future[T]:
    """Start `work` in a new thread called `name`, in the caller's context: its log lines carry the request's id.

    The thread does not keep the process from ending. What `work` raises is raised by the future's `result`.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as fault:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(fault)

    threading.Thread(target=copy_context().run, args=(run,), name=name, daemon=True).start()
    return future


def ended(future: Future[T], seconds: float) -> bool:
    """Wait for the work, at most so long (not at all below 0), and return whether it has ended."""
    return bool(wait([future], max(0.0, seconds)).done)
