"""Ctrl-C at any moment of a command is one line and exit code 130, for its process and for those that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence

import pytest

from tests.http.site import ROOT

pytestmark = pytest.mark.slow


def interrupted(command: Sequence[str], after_s: float) -> tuple[int, list[str]]:
    """Run a command as a terminal's foreground job, press Ctrl-C, and return the exit code and what it printed."""
    with subprocess.Popen(
        [str(ROOT / "bin" / command[0]), *command[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        time.sleep(after_s)
        os.killpg(process.pid, signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    return process.returncode, [line for line in printed.splitlines() if line]


@pytest.mark.parametrize("after_s", [0.6, 1.2, 3.0])
def test_a_command_that_imports_or_works_is_ended_in_one_line(after_s: float) -> None:
    code, lines = interrupted(["chaos", "--kills", "1000"], after_s)
    assert (code, lines) == (130, ["Stopped."])
