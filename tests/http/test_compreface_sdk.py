"""Clients of CompreFace that others wrote, unmodified, against a live server: each reply fits the API's document."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from compreface import CompreFace  # type: ignore[import-untyped]

from tests.http.documented import check_exchange
from tests.http.front import front
from tests.http.site import blank, parallel_map
from tests.newman import NoNewmanError, node_package
from tools.installation.trial import TrialServer, trial_server

pytestmark = pytest.mark.models

ROOT = Path(__file__).resolve().parents[2]
KEY = str(uuid.uuid4())
"""Of a server without keys any one opens everything, on its own machine."""
SETTINGS = {"SELECTED_MODELS": "Dlib", "SCORE_TOL": "0", "FETCH_MODELS": "false", "LIVENESS_ENGINES": "cnn"}
JAVASCRIPT = "@exadel/compreface-js-sdk@1.0.0"
PHOTOS = {"one.jpg": "obama.jpg", "two.jpg": "obama2.jpg", "three.jpg": "obama3.jpg", "other.jpg": "biden.jpg"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialServer]:
    """Run a server, with LIVENESS_FOR_COMPREFACE and COMPREFACE_RECOGNIZE as they are by default."""
    with trial_server(ROOT, tmp_path_factory.mktemp("server"), SETTINGS) as running:
        yield running


@pytest.fixture
def photos(tmp_path: Path, portraits: Mapping[str, bytes]) -> Path:
    """Return a folder with three photos of one man, one of another, one of both, and one of nobody."""
    for name, portrait in PHOTOS.items():
        (tmp_path / name).write_bytes(portraits[portrait])
    (tmp_path / "both.jpg").write_bytes(parallel_map([portraits["obama2.jpg"], portraits["biden.jpg"]]))
    (tmp_path / "nobody.jpg").write_bytes(blank())
    return tmp_path


@pytest.fixture(autouse=True)
def empty(server: TrialServer) -> Iterator[None]:
    """Leave nobody behind."""
    yield
    requests.delete(f"{server.address}/api/v1/recognition/subjects", headers={"x-api-key": KEY}, timeout=60)


@pytest.fixture(autouse=True)
def exchanges(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hold every reply that `requests` receives against the document; return the calls so far."""
    app, sent, send = front().application, list[str](), requests.Session.send

    def checked(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        reply = send(session, request, **options)
        path, method = requests.utils.unquote(urlsplit(request.url or "").path), request.method or ""
        mimetype = reply.headers["Content-Type"].partition(";")[0]
        check_exchange(app, method, path, reply.status_code, mimetype, reply.content)
        sent.append(f"{method} {path}")
        return reply

    monkeypatch.setattr(requests.Session, "send", checked)
    return sent


def client(server: TrialServer, **options: Any) -> CompreFace:
    return CompreFace("http://127.0.0.1", str(server.port), options)


def test_every_call_of_the_python_sdk(server: TrialServer, photos: Path, exchanges: list[str]) -> None:
    one, three, other, both = (str(photos / f"{name}.jpg") for name in ("one", "three", "other", "both"))
    known = client(server).init_face_recognition(KEY)
    subjects, faces = known.get_subjects(), known.get_face_collection()
    assert subjects.add("Ada Lovelace") == {"subject": "Ada Lovelace"}
    assert subjects.list() == {"subjects": ["Ada Lovelace"]}
    first = faces.add(one, "Ada Lovelace", {"det_prob_threshold": 0.8})
    second = faces.add((photos / "two.jpg").read_bytes(), "Barack")
    assert faces.list()["total_elements"] == 2
    assert subjects.update("Barack", "Ada Lovelace") == {"updated": True}
    asked = {"limit": 0, "det_prob_threshold": 0.8, "prediction_count": 1, "status": True}
    (found,) = known.recognize(three, {**asked, "face_plugins": "calculator,age,gender,landmarks,mask"})["result"]
    assert [(face["subject"], face["similarity"] >= 0.9) for face in found["subjects"]] == [("Ada Lovelace", True)]
    assert {"embedding", "landmarks", "liveness", "execution_time"} <= set(found)
    assert known.recognize(other)["result"][0]["subjects"] == []
    assert sorted(len(face["subjects"]) for face in known.recognize(both)["result"]) == [0, 1]
    (compared,) = faces.verify(three, first["image_id"], {"face_plugins": "landmarks"})["result"]
    assert compared["similarity"] >= 0.9
    assert faces.verify(other, first["image_id"])["result"][0]["similarity"] < 0.9
    assert faces.delete(second["image_id"]) == {"image_id": second["image_id"], "subject": "Ada Lovelace"}
    assert faces.delete_all("Ada Lovelace") == {"deleted": 1}
    assert subjects.delete("Ada Lovelace")["subject"] == "Ada Lovelace"
    subjects.add("Grace Hopper")
    assert subjects.delete_all() == {"deleted": 1}
    verification = client(server, limit=1, status=False).init_face_verification(KEY)
    assert verification.verify(one, three)["result"][0]["face_matches"][0]["similarity"] >= 0.9
    assert verification.verify(one, both, {"limit": 0})["result"][0]["face_matches"][1]["similarity"] < 0.9
    detection = client(server).init_face_detection(KEY)
    assert len(detection.detect(both, {"limit": 0, "det_prob_threshold": 0.5})["result"]) == 2
    assert detection.detect(str(photos / "nobody.jpg"))["code"] == 28
    calls = {call.replace(str(first["image_id"]), "ID").replace(str(second["image_id"]), "ID") for call in exchanges}
    assert len(calls) == 13


def test_double_takes_calls(server: TrialServer, photos: Path) -> None:
    url, headers = f"{server.address}/api/v1/recognition", {"x-api-key": KEY}

    def send(path: str, photo: str, **query: Any) -> dict[str, Any]:
        with (photos / photo).open("rb") as file:
            reply = requests.post(f"{url}{path}", files={"file": file}, params=query, headers=headers, timeout=60)
        body: dict[str, Any] = reply.json()
        return body

    assert send("/faces", "one.jpg", subject="ada")["subject"] == "ada"
    plugins = "/recognize?face_plugins=mask,gender,age,pose"
    (face,) = send(plugins, "two.jpg", det_prob_threshold=0.8)["result"]
    assert (face["subjects"][0]["subject"], round(face["subjects"][0]["similarity"] * 100, 2) >= 90) == ("ada", True)
    box = face["box"]
    assert (box["x_max"] - box["x_min"]) * (box["y_max"] - box["y_min"]) > 1000
    assert all(isinstance(angle, float) for angle in face["pose"].values())
    assert send(plugins, "other.jpg")["result"][0]["subjects"] == []
    assert send(plugins, "nobody.jpg")["code"] == 28
    assert (
        requests.delete(f"{url}/faces", params={"subject": "ada"}, headers=headers, timeout=60).json()["deleted"] == 1
    )


SCRIPT = """
import { writeFileSync } from "node:fs";
const { CompreFace } = await import(process.argv[2] + "/index.js");
const [port, key] = [process.argv[3], process.argv[4]], told = {};
const client = new CompreFace("http://127.0.0.1", port);
const known = client.initFaceRecognitionService(key);
const faces = () => known.getFaceCollection(), subjects = () => known.getSubjects();
told.added_subject = await subjects().add("Ada");
told.added = await faces().add("./one.jpg", "Ada", {});
told.again = await faces().add("./two.jpg", "Barack", {});
told.renamed = await subjects().rename("Barack", "Ada");
told.subjects = await subjects().list();
told.faces = await faces().list();
told.recognised = await known.recognize("./three.jpg", { limit: 0, prediction_count: 1, status: true });
told.stranger = await known.recognize("./other.jpg", { limit: 0 });
told.compared = await faces().verify("./three.jpg", told.added.image_id, { limit: 1 });
told.verified = await client.initFaceVerificationService(key).verify("./one.jpg", "./three.jpg", { limit: 1 });
told.detected = await client.initFaceDetectionService(key).detect("./both.jpg", { limit: 2 });
told.nobody = await known.recognize("./nobody.jpg", { limit: 0 }).catch(error => error.response.data);
told.several = await faces().delete_multiple_images([told.again.image_id]);
told.deleted = await faces().delete(told.added.image_id);
told.none = await faces().delete_all_subject("Ada");
told.all_faces = await faces().delete_all();
told.gone = await subjects().delete("Ada");
told.all = await subjects().deleteAll();
writeFileSync("told.json", JSON.stringify(told));
"""


def test_every_call_of_the_javascript_sdk(server: TrialServer, photos: Path) -> None:
    try:
        package = node_package(JAVASCRIPT, "@exadel/compreface-js-sdk")
    except NoNewmanError as reason:
        pytest.skip(str(reason))
    (photos / "calls.mjs").write_text(SCRIPT)
    command = ["node", "calls.mjs", str(package), str(server.port), KEY]
    done = subprocess.run(command, cwd=photos, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads((photos / "told.json").read_text())
    assert (told["subjects"], told["faces"]["total_elements"]) == ({"subjects": ["Ada"]}, 2)
    assert told["recognised"]["result"][0]["subjects"][0]["similarity"] >= 0.9
    assert told["stranger"]["result"][0]["subjects"] == []
    assert told["compared"]["result"][0]["similarity"] >= 0.9
    assert told["verified"]["result"][0]["face_matches"][0]["similarity"] >= 0.9
    assert (len(told["detected"]["result"]), told["nobody"]["code"]) == (2, 28)
    assert told["several"] == [{"image_id": told["again"]["image_id"], "subject": "Ada"}]
    assert told["deleted"] == {"image_id": told["added"]["image_id"], "subject": "Ada"}
    assert (told["none"], told["all_faces"], told["all"]) == ({"deleted": 0}, {"deleted": 0}, {"deleted": 0})
    assert (told["renamed"], told["gone"]["subject"]) == ({"updated": True}, "Ada")
