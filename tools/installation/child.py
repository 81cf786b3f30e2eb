"""Programs that a command runs: Ctrl-C ends them silently, and their output can go to a file. Standard library only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO

LOOK_S = 0.5


def run(command: Sequence[str], log: Path | None = None, cwd: Path | None = None) -> int:
    """Run a program and return its exit status; with `log` its output goes there, and a terminal shows its last line.

    The program does not get the terminal's Ctrl-C: this process does, and ends it. Raises `OSError`.
    """
    with log.open("ab") if log else nullcontext() as output:
        return _waited_for(command, output, cwd)


def last_line(log: Path) -> str:
    """Return the last line of a program's output that is not empty."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.is_file() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _waited_for(command: Sequence[str], output: IO[bytes] | None, cwd: Path | None) -> int:
    begun, shows = time.monotonic(), output is not None and sys.stderr.isatty()
    process = subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )
    try:
        while True:
            try:
                return process.wait(LOOK_S if shows else None)
            except subprocess.TimeoutExpired:
                _show(f"{time.monotonic() - begun:4.0f} s  {last_line(Path(output.name)) if output else ''}")
    except BaseException:
        _end(process)
        raise
    finally:
        if shows:
            _show("")


def _show(line: str) -> None:
    """Replace the terminal's current line."""
    width = shutil.get_terminal_size().columns - 1
    sys.stderr.write(f"\r\x1b[K{line[:width]}")
    sys.stderr.flush()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.terminate()
        process.wait()
