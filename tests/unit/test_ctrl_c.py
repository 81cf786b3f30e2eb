"""Ctrl-C in a command is one line and exit code 130, for its process and for those that it started."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tools.chaos.command import _killed

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

BEGUN = "print('begun', flush=True); time.sleep(600)"
PROGRAMS = {
    "works": BEGUN,
    "imports a library that turns the interrupt into its own error": f"""
try:
    {BEGUN}
except BaseException:
    raise ImportError("numpy could not be imported")""",
    "has a thread that does not end": f"threading.Thread(target=time.sleep, args=(600,)).start(); {BEGUN}",
}


@contextmanager
def started(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a command as a terminal's foreground job."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def interrupted(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> tuple[int, list[str]]:
    """Press Ctrl-C; return the exit code and what is printed from then on."""
    os.killpg(process.pid, number)
    printed, _ = process.communicate(timeout=60)
    return process.returncode, printed.splitlines()


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_command_that_is_interrupted_says_so_in_one_line(program: str) -> None:
    work = "\n    ".join(program.strip().splitlines())
    code = f"import threading, time\nfrom tools.cli.launch import end_in_one_line\ndef work():\n    {work}\n"
    with started([sys.executable, "-c", f"{code}end_in_one_line(work)"]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        assert interrupted(process) == (130, ["", "Stopped."])


def test_a_command_that_is_terminated_ends_as_well() -> None:
    code = f"import time\nfrom tools.cli.launch import end_in_one_line\ndef work():\n    {BEGUN}\nend_in_one_line(work)"
    with started([sys.executable, "-c", code]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        assert interrupted(process, signal.SIGTERM) == (128 + signal.SIGTERM, ["", "Stopped."])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no /proc, which tells the children of a process")
def test_what_a_command_started_is_silent_too() -> None:
    with started([sys.executable, str(ROOT / "bin" / "chaos"), "--kills", "1000"]) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not children.read_text().strip():
            time.sleep(0.05)
        assert interrupted(process) == (130, ["", "Stopped."])


def test_ctrl_c_while_a_worker_is_being_started_ends_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers: list[subprocess.Popen[str]] = []

    class Interrupted(subprocess.Popen[str]):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            workers.append(self)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("tools.chaos.command.subprocess.Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        _killed(tmp_path, random.Random(1), "enrol")
    assert [worker.wait(60) for worker in workers] == [-signal.SIGKILL]


@pytest.mark.skipif(
    subprocess.run(["env", "--block-signal=INT", "true"], capture_output=True, check=False).returncode != 0,
    reason="this env cannot block a signal: what is pressed while Python itself starts is Python's",
)
def test_ctrl_c_while_python_itself_starts_shows_no_traceback() -> None:
    printed = []
    for delay in (0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256):
        with started([str(ROOT / "bin" / "faceapp"), "codes", "200"]) as process:
            time.sleep(delay / 1000)
            status, lines = interrupted(process)
        printed += [(delay, status, lines)]
    assert [one for one in printed if "Traceback" in str(one) or one[1] not in (0, 130, -signal.SIGINT)] == []


def test_another_fault_is_no_stop() -> None:
    code = "from tools.cli.launch import end_in_one_line\nend_in_one_line(lambda: 1 // 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1].split(":")[0]) == (1, "ZeroDivisionError")
