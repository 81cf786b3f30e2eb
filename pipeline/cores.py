"""How many cores this process may use: what every choice of threads goes by."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Return the number of cores that the process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)
