"""Private database servers for tests: MariaDB from Debian's package, and a real MySQL where it can be had.

Both listen on loopback, keep their data in folders of their own and go with the test session. `stop` keeps
the data, so that a test can take the database away and bring it back.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tools.installation.ports import free_port

STARTING_S = 240.0


class UnavailableError(Exception):
    """Why there can be no such server here, in words for a skip."""


class DatabaseServer(Protocol):
    """A database server that a test may stop and start again."""

    host: str
    port: int
    user: str
    password: str

    def start(self) -> None:
        """Start on the same port with the data of before, and return when it answers."""
        ...

    def stop(self) -> None:
        """Stop and keep the data; returns when it is down."""
        ...

    def kill(self) -> None:
        """Kill it and keep the data; returns when it is down."""
        ...


def answers(port: int) -> bool:
    """Tell whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def greets(host: str, port: int) -> bool:
    """Tell whether a MySQL server at that address sends its greeting (protocol 10)."""
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.settimeout(2)
            greeting = connection.recv(5)
    except OSError:
        return False
    return len(greeting) == 5 and greeting[4] == 10


class MariaDB:
    """A private MariaDB: own data folder, port and socket; root without a password over TCP."""

    host = "127.0.0.1"
    user = "root"
    password = ""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def install(self) -> None:
        """Make the data folder with an empty system schema."""
        installer = find_program("mariadb-install-db", "mysql_install_db")
        if os.geteuid() == 0:
            shutil.chown(self._folder, lesser_user())
        root = "--auth-root-authentication-method=normal"
        run([installer, "--no-defaults", f"--datadir={self._data}", root, "--skip-test-db", *as_mysql_user()])

    def start(self) -> None:
        """Start on the same port with the data of before, and return when it answers."""
        log = (self._folder / "server.log").open("ab")
        with log:
            options = [
                "--no-defaults",
                f"--datadir={self._data}",
                f"--port={self.port}",
                "--bind-address=127.0.0.1",
                f"--socket={self._folder / 's.sock'}",
                f"--pid-file={self._folder / 'server.pid'}",
                "--innodb-buffer-pool-size=32M",
                *as_mysql_user(),
            ]
            command = [find_program("mariadbd", "mysqld"), *options]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        process = self._process
        wait_until(lambda: greets(self.host, self.port), lambda: process.poll() is None, "MariaDB")

    def stop(self) -> None:
        """Stop and keep the data; returns when it is down."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STARTING_S)
            self._process = None

    def kill(self) -> None:
        """Kill it and keep the data; returns when it is down."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STARTING_S)
            self._process = None


class RealMySQL:
    """A MySQL 9, installed and started by the tool `real-mysql` of the shared data; root, no password."""

    host = "127.0.0.1"
    user = "root"
    password = ""

    def __init__(self, tool: Path, port: int) -> None:
        self.port = port
        self._tool = tool
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        home = Path(os.environ.get("REAL_MYSQL_HOME", cache / "real-mysql"))
        self._pid = home / f"srv/data-{port}/mysqld.pid"
        self._lock = home.with_name(f"{home.name}.lock")

    def start(self) -> None:
        """Start on the same port with the data of before (at first: install it); returns when it answers."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the first start installs: two at once would delete each other's files
            run([str(self._tool), "start", str(self.port)], timeout=400)
        wait_until(lambda: greets(self.host, self.port), lambda: True, "MySQL")

    def stop(self) -> None:
        """Stop and keep the data; returns when it is down."""
        os.kill(int(self._pid.read_text()), signal.SIGTERM)
        wait_until(lambda: not self._pid.exists(), lambda: True, "the end of MySQL")

    def kill(self) -> None:
        """Kill it and keep the data; returns when it is down."""
        os.kill(int(self._pid.read_text()), signal.SIGKILL)
        wait_until(lambda: not greets(self.host, self.port), lambda: True, "the end of MySQL")
        self._pid.unlink()

    def discard(self) -> None:
        """Stop and throw the data away."""
        run([str(self._tool), "stop", str(self.port)])


@contextmanager
def mariadb() -> Iterator[MariaDB]:
    """Run a private MariaDB; raises `UnavailableError` where it is not installed."""
    find_program("mariadb-install-db", "mysql_install_db")
    folder = Path(tempfile.mkdtemp(prefix="faceapp-mariadb-"))
    server = MariaDB(folder, free_port())
    try:
        server.install()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def real_mysql(tool: Path) -> Iterator[RealMySQL]:
    """Run a real MySQL 9; raises `UnavailableError` where the tool or the right to use it is missing."""
    if not tool.is_file():
        raise UnavailableError(f"{tool} is not there; it installs a real MySQL server")
    if os.geteuid() != 0:
        raise UnavailableError(f"{tool} needs root")
    server = RealMySQL(tool, free_port())
    try:
        server.start()
        yield server
    finally:
        server.discard()


def find_program(*names: str) -> str:
    """Return the path of the first of these programs that is installed; raises `UnavailableError`."""
    for name in names:
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
        if found:
            return found
    raise UnavailableError(f"{names[0]} is not installed (Debian: apt-get install mariadb-server)")


def as_mysql_user() -> list[str]:
    """Return the argument that makes a server started by root run as a lesser user."""
    return [f"--user={lesser_user()}"] if os.geteuid() == 0 else []


def lesser_user() -> str:
    """Return `mysql` where Debian's service is installed, else `nobody`."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "mysql" if "mysql" in names else "nobody"


def run(command: Sequence[str], timeout: float = 120) -> None:
    """Run a command; raises `UnavailableError` with the end of its output where it fails or is too slow."""
    try:
        # A file, not a pipe: a daemon that the command leaves behind would keep a pipe open for ever.
        with tempfile.TemporaryFile() as printed:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                timeout=timeout,
                check=False,
            )
            printed.seek(0)
            tail = printed.read().decode(errors="replace")[-400:]
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{command[0]} was not done after {timeout:.0f} s") from None
    if done.returncode != 0:
        raise UnavailableError(f"{' '.join(command[:2])} failed: {tail}")


def wait_until(is_done: Callable[[], bool], is_alive: Callable[[], bool], what: str) -> None:
    """Wait for `is_done`; raises `UnavailableError` where the process dies first, or is not done in `STARTING_S`."""
    deadline = time.monotonic() + STARTING_S
    while not is_done():
        if not is_alive() or time.monotonic() > deadline:
            raise UnavailableError(f"{what} did not come")
        time.sleep(0.1)
