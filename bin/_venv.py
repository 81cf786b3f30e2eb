"""Lets the commands of this folder import from the repository's root; `main` runs them."""

import _signal  # type: ignore[import-not-found]  # `signal` first imports others

if hasattr(_signal, "pthread_sigmask"):
    _signal.pthread_sigmask(_signal.SIG_BLOCK, [_signal.SIGINT])  # Ctrl-C waits until `main` can answer it

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools.cli.launch import main  # noqa: E402

__all__ = ["main"]
