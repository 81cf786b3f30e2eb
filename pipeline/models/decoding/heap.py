"""Giving freed memory back to the system: glibc keeps it for what is allocated next."""

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Give back whatever this process has freed; takes milliseconds."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc has it
