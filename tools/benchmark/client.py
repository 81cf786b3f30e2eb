"""A client of a real server on loopback, and the settings that it is measured with."""

import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tools.installation.trial import TrialServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RESTED_S = 30.0
"""A connection that was idle longer is reopened: servers close idle ones, and a slow peer takes minutes."""
ROOT = Path(__file__).resolve().parents[2]

SETTINGS = {
    "SELECTED_MODELS": "Dlib",
    "SCORE_TOL": "0",
    "NUM_AUG": "4",
    "ALLOW_SKIP_LIVENESS": "true",
    "ENROL_LIVENESS": "off",
    "DUPLICATE_POLICY": "off",
    "REPLAY_POLICY": "off",
    "FETCH_MODELS": "false",
    "MAX_UPLOAD_MB": "256",
}
"""Limits and replay policy are off: the same photos are sent again and again."""


class Client:
    """One caller on one connection that is kept open while it is used."""

    def __init__(self, server: TrialServer) -> None:
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=600)
        self._used = time.monotonic()
        self.stages: dict[str, float] = {}
        """Milliseconds of each stage of the last upload, and of the verification after it."""

    def upload(self, person_id: str, photos: Sequence[bytes]) -> str:
        """Upload photos; return the upload id. Raises `RuntimeError` where the server does not keep them."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="f"; filename="%d.jpg"\r\n\r\n'
        parts = b"".join((head % number).encode() + photo + b"\r\n" for number, photo in enumerate(photos))
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        reply = self._post(f"/upload_imgs?id={person_id}", parts + f"--{boundary}--\r\n".encode(), headers)
        if reply["upload_code"] != 119:
            raise RuntimeError(f"the upload was answered with {reply['upload_code']}")
        self.stages = _stages("upload", reply["upload_results"])
        return str(reply["upload_results"]["upload_id"])

    def enrol(self, person_id: str, photos: Sequence[bytes]) -> int:
        """Upload and enrol; return the code."""
        form = {"upload_id": self.upload(person_id, photos), "name": "Somebody", "delete_pickles": "false"}
        reply = self._post("/upload_db", urlencode({**form, "rebuild_db": "false", "in_place": "true"}).encode(), FORM)
        return int(str(reply["result_code"]))

    def verify(self, person_id: str, photos: Sequence[bytes], liveness: bool = False, search: bool = True) -> int:
        """Upload and verify, from decode to verdict; return the code."""
        flags = {"skip_verify": "false", "skip_db_search": str(not search), "skip_liveness": str(not liveness)}
        form = {"upload_id": self.upload(person_id, photos), **flags}
        reply = self._post("/verify", urlencode(form).encode(), FORM)
        self.stages |= _stages("verify", reply["recognition_results"])
        return int(reply["recognition_code"])

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        if time.monotonic() - self._used > RESTED_S:
            self._connection.close()  # the next request opens it
        self._connection.request("POST", path, body, dict(headers))
        reply: dict[str, Any] = json.loads(self._connection.getresponse().read())
        self._used = time.monotonic()
        return reply


def _stages(endpoint: str, results: Mapping[str, Any]) -> dict[str, float]:
    return {f"{endpoint}: {row['name']}": row["milliseconds"] for row in results.get("stages", [])}


@contextmanager
def server(folder: Path, changes: Mapping[str, str]) -> Iterator[TrialServer]:
    """Run a server with the bench's settings, and others changed; it notes used photos, but lets them pass."""
    from tools.installation.trial import trial_server

    folder.mkdir(parents=True)
    with trial_server(ROOT, folder, {**SETTINGS, "REPLAY_POLICY": "warn", **changes}) as running:
        yield running


def cpu_s(process: int) -> float:
    """Return the CPU seconds that a process and its children have used, those that ended included; Linux only."""
    ticks = [int(one) for text in _told(process, "stat") for one in text.rsplit(")", 1)[1].split()[11:15]]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")


def memory_bytes(process: int) -> int:
    """Return the share of the memory (PSS) that a process and its children have; Linux only."""
    lines = [line for text in _told(process, "smaps_rollup") for line in text.splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _told(process: int, name: str) -> Iterator[str]:
    """Yield a file of /proc of a process and its children: the server decodes photos in processes of their own."""
    children = set[str]()
    for thread in Path(f"/proc/{process}/task").iterdir():
        with suppress(OSError):  # it ended meanwhile
            children.update((thread / "children").read_text().split())
    for one in (process, *children):
        with suppress(OSError):
            yield Path(f"/proc/{one}/{name}").read_text()
