"""Several threads may begin with OpenVINO at the same time."""

import subprocess
import sys
from pathlib import Path

BEGIN = """
import sys, threading
import openvino
from pipeline.models.runtime import engine

sys.setswitchinterval(1e-6)
constants = [openvino.op.Constant(openvino.Type.f32, openvino.Shape([1]), [1.0]) for _ in range(16)]
ready = threading.Barrier(len(constants))

def begin(constant):
    ready.wait()
    engine()
    constant.data

threads = [threading.Thread(target=begin, args=(one,), daemon=True) for one in constants]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_begin_at_the_same_time_do_not_wait_for_each_other_forever() -> None:
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", BEGIN], cwd=root, timeout=60).returncode == 0
