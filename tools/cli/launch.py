"""Runs a command of the table, with the Python of `.venv` where it needs packages. Standard library only."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from tools.cli.exits import DONE, FAILED, INTERRUPTED
from tools.cli.table import COMMANDS, OWN_NAMES, listed

ROOT = Path(__file__).resolve().parents[2]


def main() -> NoReturn:
    """Run the command that the program's name or the command line says, and exit with its code; Ctrl-C is one line."""
    name = Path(sys.argv[0]).name
    first = [] if name == "faceapp" else [OWN_NAMES.get(name, name)]
    end_in_one_line(lambda: run([*first, *sys.argv[1:]], f"bin/{name}"))


def run(arguments: Sequence[str], program: str) -> int:
    """Run a command; returns its exit code."""
    name = arguments[0] if arguments else ""
    is_bare = name in COMMANDS and COMMANDS[name].is_bare
    is_asked = "_FACEAPP_COMPLETE" in os.environ or not {"-h", "--help"}.isdisjoint(arguments)
    if is_bare and not is_asked:
        return int(import_module(COMMANDS[name].module).main(arguments[1:]))
    use_venv()
    try:
        return int(import_module("tools.cli.main").main(arguments, program))
    except ModuleNotFoundError as missing:
        if missing.name == "click" and is_bare:
            return int(import_module(COMMANDS[name].module).main(arguments[1:]))
        if missing.name == "click" and name in ("", "-h", "--help"):
            print(listed())
            return DONE
        top = (missing.name or "tools").partition(".")[0]
        if (ROOT / top).exists() or (ROOT / f"{top}.py").exists():
            raise
        print(f"The packages are not installed ({top} is missing). Run bin/setup first.", file=sys.stderr)
        return FAILED


def end_in_one_line(work: Callable[[], int]) -> NoReturn:
    """Exit with what `work` returns; after Ctrl-C or SIGTERM in any second, with one line in place of a traceback."""
    pressed: list[int] = []

    def interrupt(number: int, frame: object) -> NoReturn:
        pressed.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        status = work()
    except BaseException:
        if not pressed:  # libraries turn an interrupted import into errors of their own
            raise
        leave(status=128 + pressed[0])
    sys.exit(status)


def leave(before: str = "\n", status: int = INTERRUPTED) -> NoReturn:
    """End the process and its workers without Python's shutdown, which waits for threads; `before` follows "^C"."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    workers = sys.modules.get("multiprocessing")
    for worker in workers.active_children() if workers else ():
        worker.terminate()
    sys.stdout.flush()
    print(f"{before}Stopped.", file=sys.stderr, flush=True)
    os._exit(status)


def use_venv() -> None:
    """Restart with the Python of `.venv` if it exists and is another one."""
    python = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists() or Path(sys.prefix).resolve() == (ROOT / ".venv").resolve():
        return
    sys.stdout.flush()
    if hasattr(signal, "pthread_sigmask"):  # Ctrl-C waits until the new process can answer it
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    os.execv(python, [str(python), str(Path(sys.argv[0]).absolute()), *sys.argv[1:]])  # noqa: S606 - no shell needed
