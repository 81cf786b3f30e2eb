"""The Postman collection: every request passes against a live server; every endpoint and mistake is there."""

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
from tools.installation.collection import COLLECTION, ENVIRONMENT, api_document, operation_of, postman_files
from tools.installation.trial import TrialServer, trial_server

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "postman"
NEEDS_OTHER_SETTINGS = {Code.SKIP_NOT_ALLOWED, Code.TOO_MANY}
NOT_AN_OPERATION = {"GET /no_such_endpoint", "GET /verify"}
"""What the requests for 404 and 405 call."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TrialServer]:
    """Run a real server with a loose quality bar: the portraits are old press photos.

    A run makes a key, after which the server asks everybody for one, so every run has a server of its own.
    """
    settings = {"SELECTED_MODELS": "Dlib", "SCORE_TOL": "0", "ENROL_LIVENESS": "off", "FETCH_MODELS": "false"}
    settings |= {"REPLAY_POLICY": "off", "ALLOW_SKIP_LIVENESS": "true"}  # one man has three portraits, not five
    (tmp_path / "server").mkdir()
    with trial_server(ROOT, tmp_path / "server", settings) as running:
        yield running


@pytest.fixture
def photos(tmp_path: Path, portraits: dict[str, bytes]) -> Path:
    """Return a folder with photo_1 to photo_4 of one man, and another man's."""
    names = ("obama.jpg", "obama2.jpg", "obama3.jpg", "obama3.jpg", "biden.jpg")
    (tmp_path / "photos").mkdir()
    for number, name in enumerate(names, start=1):
        (tmp_path / "photos" / f"photo_{number}.jpg").write_bytes(portraits[name])
    return tmp_path / "photos"


@pytest.mark.models
@pytest.mark.parametrize("given", [{}, {"person_id": "RECO_ID_777"}], ids=["as it is", "another ID"])
def test_newman_runs_the_collection_without_a_failure(
    server: TrialServer, photos: Path, tmp_path: Path, given: dict[str, str]
) -> None:
    try:
        program = newman()
    except NoNewmanError as reason:
        pytest.skip(str(reason))
    password = re.findall(r"(?m)^SUPER_PASSWORD=(.*)$", (server.folder / ".env").read_text())[0]
    variables = {"base_url": server.address, "skip_liveness": "true", "super_password": password, **given}
    report = tmp_path / "report.json"
    command = [str(program), "run", str(FOLDER / COLLECTION), "--environment", str(FOLDER / ENVIRONMENT)]
    command += ["--working-dir", str(photos), "--reporters", "json", "--reporter-json-export", str(report)]
    for name, value in variables.items():
        command += ["--env-var", f"{name}={value}"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, check=False)
    run = json.loads(report.read_text())["run"]
    assert [(one["source"]["name"], one["error"]["message"]) for one in run["failures"]] == []
    assert {one["item"]["name"] for one in run["executions"]} == {one["name"] for one in requests()}
    assert done.returncode == 0


def test_the_committed_files_are_current() -> None:
    for name, text in postman_files(FOLDER, api_document()).items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "run bin/docs"


def test_every_operation_of_the_api_is_asked_for_and_nothing_else() -> None:
    document = api_document()
    found = {call: operation_of(document, call) for call in map(call_of, requests())}
    assert {call for call, operation in found.items() if operation is None} == NOT_AN_OPERATION
    asked = {operation[1]["operationId"] for operation in found.values() if operation}
    assert {one["operationId"] for its in document["paths"].values() for one in its.values()} - asked == set()


def test_every_mistake_of_a_caller_is_in_the_collection() -> None:
    refused = [re.findall(r"refuses\(\[([\d, ]+)\]", script_of(request)) for request in requests()]
    expected = {int(number) for found in refused for numbers in found for number in numbers.split(",")}
    assert expected == {int(code) for code in Code if code.kind is Kind.CALLER and code not in NEEDS_OTHER_SETTINGS}


def test_a_stranger_finds_names_descriptions_and_replies() -> None:
    collection = json.loads((FOLDER / COLLECTION).read_text(encoding="utf-8"))
    assert [folder["name"] for folder in collection["item"] if len(folder["description"]) < 40] == []
    assert len({one["name"] for one in requests()}) == len(requests())
    document = api_document()
    operations = [operation_of(document, call_of(one)) for one in requests() if not one["response"]]
    replies = [found[1]["responses"]["200"]["content"] for found in operations if found]
    assert [one for one in replies if "example" in str(one)] == []


def requests() -> list[dict[str, Any]]:
    collection = json.loads((FOLDER / COLLECTION).read_text(encoding="utf-8"))
    return [request for folder in collection["item"] for request in folder["item"]]


def call_of(request: dict[str, Any]) -> str:
    asked = request["request"]
    return f"{asked['method']} {asked['url']['raw'].removeprefix('{{base_url}}')}"


def script_of(request: dict[str, Any]) -> str:
    return "\n".join(request["event"][0]["script"]["exec"])
