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
from pathlib import Path
from bootstrap.quiet import silence_tensorflow
silence_tensorflow(Path(sys.argv[1]))
silence_tensorflow()
finders = list(sys.meta_path)
import {name}
os.write(2, b"afterwards\\n")
assert {name}.__spec__ is not None
assert sys.meta_path == finders
"""


def stderr(folder: Path, library: str, name: str = "tensorflow") -> list[str]:
    (folder / "tensorflow.py").write_text(library)
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", PROGRAM.format(name=name), str(folder / "greetings.log")]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stderr.splitlines()


def test_what_cpp_writes_while_it_loads_goes_to_a_file_and_nothing_else(tmp_path: Path) -> None:
    assert stderr(tmp_path, LIBRARY) == ["from python", "afterwards"]
    assert (tmp_path / "greetings.log").read_text() == "oneDNN custom operations are on\n"


def test_a_file_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "greetings.log").mkdir()
    assert stderr(tmp_path, LIBRARY) == ["from python", "afterwards"]


def test_another_library_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text(LIBRARY)
    assert stderr(tmp_path, "", "keras")[:3] == ["oneDNN custom operations are on", "from python", "afterwards"]


def test_a_tensorflow_that_does_not_load_raises_as_ever(tmp_path: Path) -> None:
    lines = stderr(tmp_path, f"{LIBRARY}\nraise OSError('broken')")
    assert (lines[0], lines[-1]) == ("from python", "OSError: broken")
