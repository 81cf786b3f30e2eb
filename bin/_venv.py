"""Lets the commands of this folder import from the repository's root; `main` runs them."""

import signal
import sys
from pathlib import Path

if hasattr(signal, "pthread_sigmask"):  # Ctrl-C waits until `main` can answer it
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools.cli.launch import main  # noqa: E402 - found only now

__all__ = ["main"]
