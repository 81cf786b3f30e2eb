"""How many cores this process may use, and work that is divided over them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Return the number of cores that the process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return `work` of every item, in their order, computed on all cores at once.

    Worth it where `work` leaves the interpreter for most of its time, as decoding and matrix products do. All requests
    share one thread for each core. `work` must not call this function; what it raises is raised here, after the other
    items are done.
    """
    if len(items) < 2:
        return [work(item) for item in items]
    waiting = [_pool().submit(work, item) for item in items]
    faults = [one.exception() for one in waiting]
    for fault in faults:
        if fault is not None:
            raise fault
    return [one.result() for one in waiting]


@cache
def _pool() -> ThreadPoolExecutor:
    """Return the process's threads for pieces of requests; made at the first use, so after a fork."""
    return ThreadPoolExecutor(usable_cores(), thread_name_prefix="piece")
