"""How the C library gives memory back."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
_LARGE = 4 * 1024 * 1024


def return_large_arrays() -> None:
    """Let the arrays of large photos go back to the system when they are freed.

    By itself glibc raises the size from which on it does so each time a larger array is freed, and then keeps what one
    request with many large photos took.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
