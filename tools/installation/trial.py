"""A temporary server: its own process, settings and folder, on a free loopback port."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tools.installation.first_settings import put, random_password
from tools.installation.ports import free_port

STARTING_S = 180.0
PROGRAM = """
import sys
from pathlib import Path
from api.serving import exit_now
from faceapp import create_app
from bootstrap.serving import serve_settings
exit_now(serve_settings(Path(sys.argv[1]), create_app))
"""


class NoServerError(Exception):
    """The server did not become ready; carries the end of its output."""


@dataclass(frozen=True)
class TrialServer:
    """A running server: its port on 127.0.0.1, its folder with `.env` and `server.txt`, and its process."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    def printed(self) -> str:
        """Return its output so far."""
        return (self.folder / "server.txt").read_text(errors="replace")


@contextmanager
def trial_server(root: Path, folder: Path, changes: Mapping[str, str], program: str = PROGRAM) -> Iterator[TrialServer]:
    """Run the server of the checkout at `root` on `.env.example` with some keys changed.

    The server writes everything to `folder`, which is empty; `program` runs it, given the path of `.env`. Raises
    `NoServerError` if it does not become ready.
    """
    port = free_port()
    write_settings(root, folder, {"HOST": "127.0.0.1", "PORT": str(port), **changes})
    server = launch(root, folder, port, program)
    try:
        wait_until_ready(server)
        yield server
    finally:
        server.process.terminate()
        try:
            server.process.wait(60)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()


def launch(root: Path, folder: Path, port: int, program: str = PROGRAM) -> TrialServer:
    """Start a server on the `.env` of `folder`, which names this port; the caller waits and ends it."""
    with (folder / "server.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(folder / ".env")],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return TrialServer(port, folder, process)


def write_settings(root: Path, folder: Path, changes: Mapping[str, str]) -> None:
    """Write `.env` and create the folders that it names, all except the models' inside `folder`."""
    text = (root / ".env.example").read_text(encoding="utf-8")
    inside = {"DB_PATH": "people", "UPLOAD_FOLDER": "uploads", "SQL_URI": "sqlite:///faceapp.sqlite"}
    inside |= {"MODEL_PATH": str(root / "bin" / "model"), "SUPER_PASSWORD": random_password()}
    values = {**inside, "REQUEST_LIMIT": "off", "FAILED_VERIFY_LIMIT": "off", **changes}
    for key, value in values.items():
        text = put(text, key, value) if f"\n{key}=" in text else f"{text}{key}={value}\n"
    for name in ("people", "uploads"):
        (folder / name).mkdir(exist_ok=True)
    part = folder / ".env.part"
    part.write_text(text, encoding="utf-8")
    part.replace(folder / ".env")  # a server that runs on it reads all or nothing


def wait_until_ready(server: TrialServer) -> None:
    """Wait until it answers and every model has run once; raises `NoServerError`."""
    deadline = time.monotonic() + STARTING_S
    while not (_is_ready(server.port) and _is_warm(server.printed())):
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise NoServerError(server.printed()[-2000:])
        time.sleep(0.3)


def _is_warm(printed: str) -> bool:
    """Tell whether every model has run once; a missing liveness model does not delay the others."""
    return "Ready: http" in printed or ", but not ready: 178" in printed


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
