"""Milvus as a process on loopback, Lite or a server: several processes may use it, and it can be away for a while."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, TypeVar

from codes_dict import Code, Refusal
from tests.servers import STARTING_S, UnavailableError, wait_until
from tools.installation.ports import free_port

T = TypeVar("T")

_PROGRAM = "import sys; from milvus_lite.cmdline import main; sys.exit(main(sys.argv[1:]))"


class MilvusProcess(Protocol):
    """A Milvus that a test may stop and start again."""

    @property
    def uri(self) -> str:
        """Where it answers."""
        ...

    def start(self) -> None:
        """Start on the same port with the data of before; returns when it answers."""
        ...

    def stop(self) -> None:
        """Kill it; the data stay."""
        ...


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


def patiently(work: Callable[[], T]) -> T:
    """Return what `work` returns once Milvus, just started, has loaded its collections: until then it is 156."""
    deadline = time.monotonic() + STARTING_S
    while True:
        try:
            return work()
        except Refusal as refusal:
            if refusal.code is not Code.VECTORS_DOWN or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


@contextmanager
def milvus_lite() -> Iterator[MilvusLite]:
    """Run a Milvus Lite; raises `UnavailableError` where it is not installed."""
    if find_spec("pymilvus") is None or find_spec("milvus_lite") is None:
        raise UnavailableError("milvus-lite is not installed (requirements-milvus-lite.txt)")
    folder = Path(tempfile.mkdtemp(prefix="faceapp-milvus-"))
    server = MilvusLite(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
