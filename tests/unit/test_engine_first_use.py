"""Several threads may begin with OpenVINO at the same time."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

BEGIN = """
import sys, threading
import openvino
from pipeline.models import runtime

sys.setswitchinterval(1e-6)
constants = [openvino.op.Constant(openvino.Type.f32, openvino.Shape([1]), [1.0]) for _ in range(16)]
ready = threading.Barrier(len(constants))

def begin(constant):
    ready.wait()
    getattr(runtime, sys.argv[1])()
    constant.data

threads = [threading.Thread(target=begin, args=(one,), daemon=True) for one in constants]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("first", ["engine", "library"])
def test_threads_that_begin_at_the_same_time_do_not_wait_for_each_other_forever(first: str) -> None:
    assert subprocess.run([sys.executable, "-c", BEGIN, first], cwd=ROOT, timeout=300).returncode == 0


def test_nothing_else_begins_with_it() -> None:
    folders = ("pipeline", "bootstrap", "api", "db", "tools")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    found = [file.name for file in files if re.search(r"^\s*(import|from) openvino\b", file.read_text(), re.MULTILINE)]
    assert found == ["runtime.py"]
