"""The Postman collection: every request of it passes against a live server, and it covers each mistake of a caller."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codes_dict import Code, Kind
from tests.newman import NoNewmanError, newman
from tools.installation.trial import TrialServer, trial_server

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "postman" / "faceapp.postman_collection.json"
NOT_FROM_A_COLLECTION = {Code.TOO_LARGE, Code.SKIP_NOT_ALLOWED, Code.NO_KEY, Code.NOT_ALLOWED, Code.TOO_MANY}
"""What would want a file of 64 MB beside the collection, or a server with other settings."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialServer]:
    """Run a real server with a loose quality bar: the portraits are old press photos."""
    settings = {"SELECTED_MODELS": "Dlib", "SCORE_TOL": "0", "ENROL_LIVENESS": "off", "FETCH_MODELS": "false"}
    settings |= {"REPLAY_POLICY": "off", "ALLOW_SKIP_LIVENESS": "true"}  # one man has three portraits, not five
    with trial_server(ROOT, tmp_path_factory.mktemp("server"), settings) as running:
        yield running


@pytest.fixture
def photos(tmp_path: Path, portraits: dict[str, bytes]) -> Path:
    """Return a folder with photo_1 to photo_4 of one man, and another man's."""
    names = ("obama.jpg", "obama2.jpg", "obama3.jpg", "obama3.jpg", "biden.jpg")
    for number, name in enumerate(names, start=1):
        (tmp_path / f"photo_{number}.jpg").write_bytes(portraits[name])
    return tmp_path


@pytest.mark.models
def test_newman_runs_the_collection_without_a_failure(server: TrialServer, photos: Path, tmp_path: Path) -> None:
    try:
        program = newman()
    except NoNewmanError as reason:
        pytest.skip(str(reason))
    report = tmp_path / "report.json"
    command = [str(program), "run", str(COLLECTION), "--working-dir", str(photos), "--reporters", "json"]
    command += ["--reporter-json-export", str(report), "--env-var", f"base_url={server.address}"]
    command += ["--env-var", "skip_liveness=true", "--bail"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False)
    run = json.loads(report.read_text())["run"]
    assert [(failure["source"]["name"], failure["error"]["message"]) for failure in run["failures"]] == []
    assert run["stats"]["requests"]["total"] == len(requests(json.loads(COLLECTION.read_text())["item"]))
    assert done.returncode == 0


def test_every_mistake_of_a_caller_is_in_the_collection() -> None:
    expected = {
        int(number) for script in scripts() for number in re.findall(r"(?:answers\w*|refuses)\(\[?(\d+)", script)
    }
    mistakes = {int(code) for code in Code if code.kind is Kind.CALLER} - {int(code) for code in NOT_FROM_A_COLLECTION}
    assert mistakes - expected == set()


def test_every_request_has_a_test() -> None:
    assert [script for script in scripts() if not re.search("answers|refuses", script)] == []
    assert len(scripts()) == len(requests(json.loads(COLLECTION.read_text())["item"]))


def scripts() -> list[str]:
    found = requests(json.loads(COLLECTION.read_text())["item"])
    return ["\n".join(event["script"]["exec"]) for request in found for event in request["event"]]


def requests(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for item in items:
        found += requests(item["item"]) if "item" in item else [item]
    return found
