"""How many cores this process may use, work that is divided over them, and memory that it gives back."""

import ctypes
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import Any, TypeVar, cast

First = TypeVar("First")
Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Return the number of cores that the process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def default_threads() -> int:
    """Return how many requests are worked on at once by default: two per core, 4 to 32."""
    return min(max(4, 2 * usable_cores()), 32)


def parallel_map(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return `work` of every item, in their order, computed on all cores at once.

    Worth it where `work` leaves the interpreter for most of its time, as decoding and matrix products do. The caller's
    thread works too, helped by threads that all requests share: one whose helpers are busy elsewhere waits for nobody.
    Log lines of helpers carry the caller's request id. What `work` raises is raised here, after all items are done;
    of several faults the first item's.
    """
    left = deque(enumerate(items))
    done: dict[int, Result] = {}
    faults: dict[int, Exception] = {}

    def work_on() -> None:
        while True:
            try:
                at, item = left.popleft()
            except IndexError:
                return
            try:
                done[at] = work(item)
            except Exception as fault:  # noqa: BLE001 - raised below, in the thread of the caller
                faults[at] = fault

    helpers = [_helpers().submit(copy_context().run, work_on) for _ in range(min(usable_cores(), len(items)) - 1)]
    work_on()
    for helper in helpers:
        if not helper.cancel():
            helper.result()
    if faults:
        raise faults[min(faults)]
    return [done[at] for at in range(len(items))]


def run_alongside(
    first: Callable[[], First], work: Callable[[Item], Result], items: Sequence[Item]
) -> tuple[First, list[Result]]:
    """Return what `first` gives, and `work` of every item, done as far as `first` leaves cores free; see above."""

    def done(at: int) -> First | Result:
        return first() if at == 0 else work(items[at - 1])

    given, *results = parallel_map(done, range(len(items) + 1))
    return cast(First, given), cast(list[Result], results)


@cache
def _helpers() -> ThreadPoolExecutor:
    """Return the threads that help all requests; made at the first use, so after a fork."""
    return ThreadPoolExecutor(usable_cores(), thread_name_prefix="helper")


def give_back() -> None:
    """Give back to the system what this process has freed, which glibc keeps for later; takes milliseconds."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc has it
