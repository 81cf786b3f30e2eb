"""TensorFlow's banner, written by C++ while it loads, does not reach stderr; everything else does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = """
import os, sys
os.write(2, b"oneDNN custom operations are on\\n")
print("from python", file=sys.stderr)
"""
PROGRAM = """
import os, sys
from bootstrap.quiet import silence_tensorflow
silence_tensorflow()
silence_tensorflow()
import {name}
os.write(2, b"afterwards\\n")
assert {name}.__spec__ is not None
print(len([one for one in sys.meta_path if "quiet" in type(one).__module__]), file=sys.stderr)
"""


def stderr(folder: Path, library: str, name: str = "tensorflow") -> list[str]:
    (folder / "tensorflow.py").write_text(library)
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", PROGRAM.format(name=name)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stderr.splitlines()


def test_what_cpp_writes_while_it_loads_is_discarded_and_nothing_else(tmp_path: Path) -> None:
    assert stderr(tmp_path, LIBRARY) == ["from python", "afterwards", "0"]


def test_another_library_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text(LIBRARY)
    assert stderr(tmp_path, "", "keras")[:3] == ["oneDNN custom operations are on", "from python", "afterwards"]


def test_a_tensorflow_that_does_not_load_raises_as_ever(tmp_path: Path) -> None:
    lines = stderr(tmp_path, f"{LIBRARY}\nraise OSError('broken')")
    assert (lines[0], lines[-1]) == ("from python", "OSError: broken")
