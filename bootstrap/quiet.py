"""No banner from TensorFlow on stderr: its C++ parts write one while they load, before they read any setting."""

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

NOWHERE = Path(os.devnull)


def silence_tensorflow(file: Path = NOWHERE) -> None:
    """Send what TensorFlow writes while it loads to `file`, whichever library imports it.

    Its failures still raise exceptions. A file that cannot be written is done without.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" not in sys.modules and not any(isinstance(finder, _QuietImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietImport(file))


class _QuietImport(MetaPathFinder):
    """Finds `tensorflow` once, and lets it load with the process's stderr sent elsewhere.

    It stays in `sys.meta_path`: an import in another thread that is just going through that list would miss a finder
    if one before it went away, and fail for a module that is there.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._is_done = file, False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "tensorflow" or self._is_done:
            return None
        self._is_done = True
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_quietly(module: ModuleType) -> None:
                with _native_stderr_to(self._file):
                    load(module)

            spec.loader.exec_module = load_quietly  # type: ignore[method-assign]
        return spec


@contextmanager
def _native_stderr_to(file: Path) -> Iterator[None]:
    """Send what is written to file descriptor 2 to a file; what Python writes to `sys.stderr` still arrives."""
    before = sys.stderr
    before.flush()
    with os.fdopen(os.dup(2), "w", buffering=1) as kept:
        target = _opened(file)
        os.dup2(target, 2)
        os.close(target)
        sys.stderr = kept
        try:
            yield
        finally:
            sys.stderr = before
            os.dup2(kept.fileno(), 2)


def _opened(file: Path) -> int:
    try:
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
