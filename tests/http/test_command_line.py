"""`bin/faceapp` against a live server, as a person types it: enrol, verify, and from a request id to its cause."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.http.site import ID, ROOT, variant
from tests.http.test_load import SETTINGS
from tools.installation.trial import TrialServer, trial_server

pytestmark = pytest.mark.models

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TrialServer]:
    (tmp_path / "server").mkdir()
    with trial_server(ROOT, tmp_path / "server", {**SETTINGS, "VER_TOL": "1"}) as running:
        yield running


@pytest.fixture
def faceapp(server: TrialServer) -> Run:
    """Return what runs bin/faceapp in a shell that knows the server's address."""
    env = {**os.environ, "FACEAPP_URL": server.address}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(ROOT / "bin" / "faceapp"), *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)

    return run


def test_a_person_is_enrolled_verified_refused_explained_and_forgotten(
    server: TrialServer, faceapp: Run, tmp_path: Path, astronaut: bytes, grace_hopper: bytes
) -> None:
    photos = {"enrol.png": astronaut, "now.jpg": variant(astronaut), "other.jpg": grace_hopper}
    for name, data in photos.items():
        (tmp_path / name).write_bytes(data)
    enrol, now, other = (str(tmp_path / name) for name in photos)
    assert faceapp("enrol", ID, enrol, "--name", "Ada Lovelace").stdout.startswith("Enrolled: 800 ")
    yes = faceapp("verify", ID, now, "--skip-liveness")
    assert (yes.returncode, yes.stdout.splitlines()[1]) == (0, "Name: Ada Lovelace")
    no = faceapp("verify", ID, other, "--skip-liveness", "--json")
    refused = json.loads(no.stdout)
    assert (no.returncode, refused["code"], refused["results"]["accepted"]) == (1, 500, False)
    why = faceapp("why", refused["request_id"], "--env", str(server.folder / ".env"))
    assert "code 500 " in why.stdout
    assert "Operator:" in why.stdout
    assert faceapp("people", "list").stdout.count(ID) == 1
    assert json.loads(faceapp("forget", ID).stdout)["signature"]
    assert faceapp("verify", ID, now, "--skip-liveness").returncode == 2
