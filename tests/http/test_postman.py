"""The Postman collection: every request passes against a live server; every endpoint and mistake is there."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from codes_dict import Code
from tests.newman import NoNewmanError, newman
from tools.installation.collection import COLLECTION, ENVIRONMENT, api_document, operation_of, postman_files
from tools.installation.trial import TrialServer, trial_server
from tools.records.env_file import set_value

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "postman"
SAMPLES = ROOT / "static" / "console" / "samples"
NOT_BY_A_REQUEST = {
    *(Code.NO_IMAGES, Code.IMAGE_MISSING, Code.NO_FOLDER, Code.INSERT_FAILED, Code.NO_SPACE, Code.SEAL_BROKEN),
    *(Code.DB_DOWN, Code.DB_NEWER, Code.VECTORS_DOWN, Code.NO_STRANGERS, Code.NO_WEIGHTS, Code.INTERNAL),
    *(Code.BUSY, Code.CHALLENGE_EXPIRED, Code.PICKLE_ABSENT),
}
"""What only the server's machine, its load or three minutes bring about. The collection shows these as replies."""
PLAN = tomllib.loads((FOLDER / "workflow.toml").read_text(encoding="utf-8"))
SETTINGS = {one["name"]: one["settings"] for one in PLAN["folders"] if "settings" in one}
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


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Return a folder with four photos of a person who does not exist, one cut to the face, and one on a screen."""
    folder = tmp_path / "drawn"
    folder.mkdir()
    for number in range(1, 5):
        (folder / f"photo_{number}.jpg").write_bytes((SAMPLES / f"sample_{number}.jpg").read_bytes())
    photo = cv2.imread(str(SAMPLES / "sample_5.jpg"))
    assert photo is not None
    cv2.imwrite(str(folder / "photo_close.jpg"), cv2.resize(photo[95:350, 123:315], None, fx=2, fy=2))
    screen = np.full((700, 900, 3), (60, 55, 50), np.uint8)
    screen[100:600, 200:700] = 10
    shown = cv2.resize(photo, (420, 420)) * np.array([1.2, 1.0, 0.85])
    screen[140:560, 240:660] = np.clip(shown, 0, 255).astype(np.uint8)
    cv2.imwrite(str(folder / "photo_screen.jpg"), screen)
    return folder


def passed(server: TrialServer, photos: Path, folders: Iterable[str], **given: str) -> set[str]:
    """Run folders of the collection, each request of which passes; return the names of the requests."""
    try:
        program = newman()
    except NoNewmanError as reason:
        pytest.skip(str(reason))
    password = re.findall(r"(?m)^SUPER_PASSWORD=(.*)$", (server.folder / ".env").read_text())[0]
    variables = {"base_url": server.address, "super_password": password, **given}
    report = server.folder / "report.json"
    command = [str(program), "run", str(FOLDER / COLLECTION), "--environment", str(FOLDER / ENVIRONMENT)]
    command += ["--working-dir", str(photos), "--reporters", "json", "--reporter-json-export", str(report)]
    command += [word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")]
    command += [word for name in folders for word in ("--folder", name)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=540, check=False)
    run = json.loads(report.read_text())["run"]
    assert [(one["source"]["name"], one["error"]["message"]) for one in run["failures"]] == []
    assert done.returncode == 0
    return {one["item"]["name"] for one in run["executions"]}


@pytest.mark.models
@pytest.mark.parametrize("given", [{}, {"person_id": "RECO_ID_777"}], ids=["as it is", "another ID"])
def test_newman_runs_the_collection_without_a_failure(server: TrialServer, photos: Path, given: dict[str, str]) -> None:
    usual = [name for name in folders() if name not in SETTINGS]
    expected = {one["name"] for name in usual for one in folders()[name]}
    assert passed(server, photos, usual, skip_liveness="true", **given) == expected


@pytest.mark.models
def test_newman_runs_the_folders_for_a_server_with_other_settings(tmp_path: Path, drawn: Path) -> None:
    (tmp_path / "server").mkdir()
    with trial_server(ROOT, tmp_path / "server", {"SELECTED_MODELS": "Dlib", "FETCH_MODELS": "false"}) as server:
        usual = (server.folder / ".env").read_text()
        for name, settings in SETTINGS.items():
            (server.folder / ".env").write_text(usual)
            for key, value in settings.items():
                set_value(server.folder / ".env", key, value)
            assert passed(server, drawn, [name]) == {one["name"] for one in folders()[name]}


def test_the_committed_files_are_current() -> None:
    for name, text in postman_files(FOLDER, api_document()).items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "run bin/docs"


def test_every_operation_of_the_api_is_asked_for_and_nothing_else() -> None:
    document = api_document()
    found = {call: operation_of(document, call) for call in map(call_of, requests())}
    assert {call for call, operation in found.items() if operation is None} == NOT_AN_OPERATION
    asked = {operation[1]["operationId"] for operation in found.values() if operation}
    assert {one["operationId"] for its in document["paths"].values() for one in its.values()} - asked == set()


def test_every_code_is_answered_to_a_request_or_shown_as_a_reply() -> None:
    found = [re.findall(r"(?:refuses|answers|inside)\(\[([\d, ]+)\]", script_of(request)) for request in requests()]
    answered = {int(number) for one in found for numbers in one for number in numbers.split(",")}
    shown = {one["name"].split()[0] for request in requests() for one in request["response"]}
    assert answered == {int(code) for code in Code} - NOT_BY_A_REQUEST
    assert {str(int(code)) for code in NOT_BY_A_REQUEST - {Code.PICKLE_ABSENT}} - shown == set()
    assert [one["name"] for one in requests() if "604" in one["request"]["description"]] == ["2 Enrol the person"]


def test_a_stranger_finds_names_descriptions_and_replies() -> None:
    collection = json.loads((FOLDER / COLLECTION).read_text(encoding="utf-8"))
    assert [folder["name"] for folder in collection["item"] if len(folder["description"]) < 40] == []
    assert len({one["name"] for one in requests()}) == len(requests())
    document = api_document()
    operations = [operation_of(document, call_of(one)) for one in requests() if not one["response"]]
    replies = [found[1]["responses"]["200"]["content"] for found in operations if found]
    assert [one for one in replies if "example" in str(one)] == []


def folders() -> dict[str, list[dict[str, Any]]]:
    collection = json.loads((FOLDER / COLLECTION).read_text(encoding="utf-8"))
    return {folder["name"]: folder["item"] for folder in collection["item"]}


def requests() -> list[dict[str, Any]]:
    return [request for its in folders().values() for request in its]


def call_of(request: dict[str, Any]) -> str:
    asked = request["request"]
    return f"{asked['method']} {asked['url']['raw'].removeprefix('{{base_url}}')}"


def script_of(request: dict[str, Any]) -> str:
    return "\n".join(request["event"][0]["script"]["exec"])
