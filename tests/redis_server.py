"""A private Redis on loopback, which a test may kill and start again."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from tests.servers import UnavailableError, wait_until
from tools.installation.ports import free_port


class RedisServer:
    """A Redis that writes every change to a file in `folder` before it answers."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, free_port()
        program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
        if program is None:
            raise UnavailableError("Redis is not installed (Debian: apt-get install redis-tools)")
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where it answers."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start on the same port with the data of before; returns when it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        self._process = process = subprocess.Popen(
            ["redis-server", *options, "--appendonly", "yes", "--appendfsync", "always"],
            executable=self._program,  # which of its programs Debian's Redis is depends on the name it is called by
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self._answers, lambda: process.poll() is None, "Redis")

    def stop(self) -> None:
        """Kill it; the data stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7).startswith(b"+PONG")
        return False


@contextmanager
def redis() -> Iterator[RedisServer]:
    """Run a Redis; raises `UnavailableError` where it or its Python package is not installed."""
    if find_spec("redis") is None:
        raise UnavailableError("the package redis is not installed (requirements-redis.txt)")
    folder = Path(tempfile.mkdtemp(prefix="faceapp-redis-"))
    try:
        server = RedisServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
