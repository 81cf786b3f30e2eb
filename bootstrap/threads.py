"""How the process uses cores and memory; by default each library takes all cores."""

import ctypes
import sys

import cv2
import threadpoolctl

_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
"""Parameters of glibc's mallopt: M_ARENA_MAX and so on."""
_LARGEST_KEPT, _KEPT = 4 << 20, 256 << 20
"""Bytes: the largest block that reuses freed memory, and how much freed memory is kept."""


def share_cores() -> None:
    """Leave the cores to model calls and to the search, which divide their work among them; share the memory."""
    _share_memory()
    # OpenCV and BLAS do small work in request threads, of which there are several: one thread each.
    cv2.setNumThreads(1)
    threadpoolctl.threadpool_limits(1, user_api="blas")


def _share_memory() -> None:
    """Let all threads share one heap that keeps an ordinary photo's memory for the next one, and no large photo's.

    With a heap per thread, glibc keeps the most that each of them ever used. By default it gives a photo's pixels back
    at once, and getting new pages takes longer than decoding; but after a few large blocks it keeps all that they took.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # only glibc has it
        if mallopt is not None:
            mallopt(_ARENA_MAX, 1)
            mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
            mallopt(_TRIM_THRESHOLD, _KEPT)
