"""A client of a real server on loopback, and the settings that it is measured with."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from urllib3 import HTTPConnectionPool

from tools.cli.options import ROOT
from tools.installation.trial import TrialServer, trial_server

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
    """One caller on one connection that is kept open while it is used, and opened again where the server closed it."""

    def __init__(self, server: TrialServer) -> None:
        self._pool = HTTPConnectionPool("127.0.0.1", server.port, timeout=600, retries=False)
        self.stages: dict[str, float] = {}
        """Milliseconds of each stage of the last upload, and of the verification after it."""

    def upload(self, person_id: str, photos: Sequence[bytes]) -> str:
        """Upload photos; return the upload id. Raises `RuntimeError` where the server does not keep them."""
        files = [("f", (f"{number}.jpg", photo)) for number, photo in enumerate(photos)]
        reply = self._post(f"/upload_imgs?id={person_id}", files)
        if reply["upload_code"] != 119:
            raise RuntimeError(f"the upload was answered with {reply['upload_code']}")
        self.stages = _stages("upload", reply["upload_results"])
        return str(reply["upload_results"]["upload_id"])

    def enrol(self, person_id: str, photos: Sequence[bytes]) -> int:
        """Upload and enrol; return the code."""
        form = {"upload_id": self.upload(person_id, photos), "name": "Somebody", "delete_pickles": "false"}
        reply = self._post("/upload_db", {**form, "rebuild_db": "false", "in_place": "true"})
        return int(str(reply["result_code"]))

    def verify(self, person_id: str, photos: Sequence[bytes], liveness: bool = False, search: bool = True) -> int:
        """Upload and verify, from decode to verdict; return the code."""
        flags = {"skip_verify": "false", "skip_db_search": str(not search), "skip_liveness": str(not liveness)}
        form = {"upload_id": self.upload(person_id, photos), **flags}
        reply = self._post("/verify", form)
        self.stages |= _stages("verify", reply["recognition_results"])
        return int(reply["recognition_code"])

    def _post(self, path: str, fields: Any) -> dict[str, Any]:
        """Post fields: a dictionary as a form, a list of files as multipart/form-data."""
        reply = self._pool.request("POST", path, fields=fields, encode_multipart=isinstance(fields, list))
        found: dict[str, Any] = reply.json()
        return found


def _stages(endpoint: str, results: Mapping[str, Any]) -> dict[str, float]:
    return {f"{endpoint}: {row['name']}": row["milliseconds"] for row in results.get("stages", [])}


@contextmanager
def server(changes: Mapping[str, str]) -> Iterator[TrialServer]:
    """Run a server with the bench's settings, and others changed; it notes used photos, but lets them pass."""
    settings = {**SETTINGS, "REPLAY_POLICY": "warn", **changes}
    scratch = tempfile.TemporaryDirectory(prefix="faceapp-server-")
    with scratch as folder, trial_server(ROOT, Path(folder), settings) as running:
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
