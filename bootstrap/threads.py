"""Who uses the cores: decided once for the process, because each library would by itself take all of them."""

from __future__ import annotations

import ctypes
import sys

import cv2
import threadpoolctl

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
"""Parameters of glibc's mallopt: M_ARENA_MAX and so on."""
_LARGEST_KEPT, _KEPT = 32 << 20, 256 << 20
"""Bytes of the largest block that is made of memory used before (more glibc does not take), and of all that is kept."""


def share_cores() -> None:
    """Leave the cores to model calls and to the search, which divide their work over them.

    Each model's session has a thread for each core, that sleeps while the model rests (`pipeline.models.runtime`), and
    is called by one thread at a time (`pipeline.models.batching`). A search divides its people over the cores itself.
    OpenCV and BLAS do small work in the threads of requests, which are several already: one thread each.
    """
    _share_memory()
    cv2.setNumThreads(1)
    threadpoolctl.threadpool_limits(1, user_api="blas")


def _share_memory() -> None:
    """Let all threads share one heap, and let it keep what a photo needs for the next one.

    With a heap for each thread, glibc keeps what every one of them ever needed. By itself it gives a photo's pixels
    back to the system each time they are freed, and fetching fresh pages takes longer than decoding the photo.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries than glibc have none
        if mallopt is not None:
            mallopt(_ARENA_MAX, 1)
            mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
            mallopt(_TRIM_THRESHOLD, _KEPT)
