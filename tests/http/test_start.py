"""`bin/start` from a clone without settings to a server that answers, and its one-sentence refusals."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from env_validator import load_settings
from tools.installation.environment import fingerprint
from tools.installation.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
LEFT_BEHIND = (".git", ".venv", ".env", "__pycache__", ".*_cache", "people", "uploads", "weights", "*.sqlite*", "*.log")
LINES = 40
PATIENCE_S = 240

pytestmark = pytest.mark.models


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a copy of the checkout as a clone would be, with the packages that are installed already."""
    venv = Path(sys.prefix)
    marker = venv / ".installed-requirements.txt"
    if not marker.is_file() or marker.read_text() != fingerprint(venv / "bin" / "python", ROOT / "requirements.txt"):
        pytest.skip("this is not the environment that bin/setup makes")
    folder = tmp_path / "clone"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    (folder / ".venv").symlink_to(venv)
    example = folder / ".env.example"
    example.write_text(example.read_text() + f"PORT={free_port()}\n")
    return folder


class Run:
    """A running `bin/start`, called from another folder."""

    def __init__(self, clone: Path, *arguments: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, str(clone / "bin" / "start"), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._patience = threading.Timer(PATIENCE_S, self.process.kill)
        self._patience.start()

    def until(self, beginning: str) -> str:
        """Return the first line that begins so; fails when the process ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith(beginning):
                return self.lines[-1]
            if ", but not ready: " in line:
                break
        raise AssertionError(f"{beginning!r} was not printed, but: {self.lines[-LINES:]}")

    def end(self) -> int:
        """Stop it as an operator does, and check that it says so."""
        self.process.send_signal(signal.SIGTERM)
        self.until("Stopping: ")
        assert self.until("Stopped") == "Stopped."
        return self.process.wait(60)

    def close(self) -> None:
        """Make sure that nothing is left."""
        self._patience.cancel()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def started(clone: Path, shared_data: Path) -> Iterator[Run]:
    run = Run(clone, "--mirror", str(shared_data / "weights"))
    yield run
    run.close()


def get(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=30) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as reply:
        return reply.code, json.loads(reply.read())


def post(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=b"", method="POST"), timeout=30) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as reply:
        return reply.code, json.loads(reply.read())


def test_the_first_start_makes_everything_and_serves_until_it_is_stopped(clone: Path, started: Run) -> None:
    address = started.until("Ready: ").removeprefix("Ready: ")
    settings = load_settings(clone / ".env")
    assert settings.selected_models == ("Dlib", "SFace", "MobileFaceNet")
    assert stat.S_IMODE((clone / ".env").stat().st_mode) == 0o600
    assert f"SUPER_PASSWORD (shown only once; stored in .env): {settings.super_password}" in started.lines
    assert not [line for line in started.lines if re.match("[IWEF][0-9]{4} |WARNING:", line)], "a library's greeting"
    assert (clone / "db" / "faceapp.sqlite").is_file()
    assert address == f"http://127.0.0.1:{settings.port}"
    assert get(f"{address}/health/ready")[0] == 200
    sealed = "Photos, faces and embeddings are not sealed on the disk (bin/rekey --seal seals them)."
    assert started.until("Photos, faces and embeddings") == sealed
    assert post(f"{address}/upload_imgs")[1]["upload_code"] == 110
    (clone / ".env").write_text((clone / ".env").read_text().replace("VER_TOL=2", "VER_TOL=none"))
    assert get(f"{address}/health/ready")[0] == 503
    assert started.end() == 0


def test_wrong_settings_are_told_and_the_server_starts_all_the_same(clone: Path) -> None:
    text = (clone / ".env.example").read_text().replace("SIM_FUNC=cosine", "SIM_FUNC=none")
    (clone / ".env").write_text(text)
    run = Run(clone)
    try:
        run.until("  SIM_FUNC: is none of the accepted words, accepted: cosine, euclidean or euclidean_l2")
        said = run.until("Listening on http://127.0.0.1:")
        assert "176" in said
        assert run.end() == 0
    finally:
        run.close()


def test_a_port_in_use_is_one_sentence_and_exit_2(clone: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (clone / ".env").write_text(f"{(clone / '.env.example').read_text().split('PORT=')[0]}PORT={port}\n")
        done = subprocess.run(
            [sys.executable, str(clone / "bin" / "start")],
            cwd="/",
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
    assert done.returncode == 2
    assert (done.stdout, done.stderr) == (
        "",
        f"Port {port} is already in use. Choose another one: bin/start --port {port + 1}\n",
    )


def test_a_mirror_that_is_not_there_is_one_sentence_and_exit_2(clone: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(clone / "bin" / "start"), "--mirror", "gone"],
        cwd="/",
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "MODEL_MIRROR does not exist. Use an existing folder or an http(s) URL.\n"
    assert not (clone / ".env").exists()
