"""A Milvus Lite as a process on loopback: several processes may speak to it, and it can be away for a while."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.servers import UnavailableError, free_port, wait_until

_PROGRAM = "import sys; from milvus_lite.cmdline import main; sys.exit(main(sys.argv[1:]))"


class MilvusLite:
    """A Milvus Lite on a free port of 127.0.0.1, with its data in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start on the same port with the data of before; returns when it answers."""
        log = self._folder / "lite.log"
        options = ["--data-dir", str(self._folder / "lite.db"), "--host", "127.0.0.1", "--port", str(self.port)]
        with log.open("ab") as output:
            size = output.tell()
            self._process = process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, "server", *options],
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_until(lambda: b"listening" in log.read_bytes()[size:], lambda: process.poll() is None, "Milvus Lite")

    def stop(self) -> None:
        """Kill it; the data stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def milvus_lite() -> Iterator[MilvusLite]:
    """Run a Milvus Lite; raises `UnavailableError` where it is not installed."""
    if find_spec("pymilvus") is None or find_spec("milvus_lite") is None:
        raise UnavailableError("milvus-lite is not installed (requirements-dev.txt)")
    folder = Path(tempfile.mkdtemp(prefix="faceapp-milvus-"))
    server = MilvusLite(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
