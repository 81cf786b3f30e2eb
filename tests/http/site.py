"""A whole server in a folder of its own: real settings, real models, a real database; only the socket is left out."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from bootstrap.container import ServiceContainer
from bootstrap.liveness import LivenessLoader
from bootstrap.models import LoadedModels
from bootstrap.records import Records
from env_validator import Settings
from faceapp import create_app
from pipeline.flows import Services
from tests.http.documented import client_of

ROOT = Path(__file__).resolve().parents[2]
ID = "RECO_ID_000023"
OTHER_ID = "RECO_ID_000024"

ENV = {
    "MODEL_PATH": str(ROOT / "bin" / "model"),
    "MODEL_URL": "http://127.0.0.1:9/none",
    "MODEL_NAME": "liveness_best.h5",
    "SQL_URI": "sqlite:///faceapp.sqlite",
    "SQL_USER": "",
    "SQL_PASS": "",
    "SQL_SCHEMA": "",
    "SQL_TABLE": "reco_table",
    "ID_COL": "reco_id",
    "PATH_COL": "reco_path",
    "NAME_COL": "reco_name",
    "DB_PATH": "people",
    "TARGET_WIDTH": "224",
    "TARGET_HEIGHT": "224",
    "SELECTED_MODELS": "Dlib",
    "ID_REGEX": r"RECO_ID_\d+",
    "NUM_AUG": "4",
    "SIM_FUNC": "cosine",
    "LOG_LOC": "faceapp.log",
    "VER_TOL": "2",
    "VER_TOL_AUG": "20",
    "SUPER_PASSWORD": "Of-th1s-test-alone",
    "SCORE_TOL": "0",
    "UPLOAD_FOLDER": "uploads",
    "ALLOW_SKIP_LIVENESS": "true",
    "ENROL_LIVENESS": "off",
    "REPLAY_POLICY": "off",
    "FETCH_MODELS": "false",
    "LIVENESS_ENGINES": "cnn",
    "REQUEST_LIMIT": "off",
    "FAILED_VERIFY_LIMIT": "off",
}


class Site:
    """A server's folder and a client of it. `post_*` return the reply; `code` is the number in its body."""

    def __init__(self, folder: Path, models: LoadedModels, keeper: LivenessLoader, **changes: str) -> None:
        self.folder, self.people, self.uploads = folder, folder / "people", folder / "uploads"
        self.people.mkdir()
        self.uploads.mkdir()
        self.env = dict(ENV)
        self.edit(**changes)
        self.container = ServiceContainer(folder / ".env", models, keeper)
        self.client: FlaskClient = client_of(create_app(self.container))

    def edit(self, **changes: str | None) -> None:
        """Change keys of `.env`; None takes a key out."""
        for key, value in changes.items():
            if value is None:
                self.env.pop(key, None)
            else:
                self.env[key] = value
        (self.folder / ".env").write_text("".join(f"{key}='{value}'\n" for key, value in self.env.items()))

    def upload(self, *photos: bytes, person_id: str = ID, **fields: Any) -> TestResponse:
        """Send photos to /upload_imgs."""
        data: MultiDict[str, Any] = MultiDict(fields)
        for number, photo in enumerate(photos):
            data.add("files", (io.BytesIO(photo), f"photo {number}.jpg"))
        return self.client.post("/upload_imgs", query_string={"id": person_id}, data=data)

    def uploaded(self, *photos: bytes, person_id: str = ID) -> str:
        """Send photos and return the upload id."""
        reply = self.upload(*photos, person_id=person_id)
        assert code(reply) == 119, reply.get_json()
        return str(reply.get_json()["upload_results"]["upload_id"])

    def enrol(self, upload_id: str, **changes: str) -> TestResponse:
        """Send the form of /upload_db."""
        form = {"upload_id": upload_id, "name": "Ada Lovelace", "delete_pickles": "false", "rebuild_db": "false"}
        return self.client.post("/upload_db", data={**form, "in_place": "false", **changes})

    def enrolled(self, *photos: bytes, person_id: str = ID, **changes: str) -> Mapping[str, Any]:
        """Upload and enrol photos, and return the reply's results."""
        reply = self.enrol(self.uploaded(*photos, person_id=person_id), **changes)
        assert reply.status_code == 200, reply.get_json()
        results: Mapping[str, Any] = reply.get_json()["upload_results"]
        return results

    def verify(self, upload_id: str, **changes: str) -> TestResponse:
        """Send the form of /verify, without liveness unless asked for."""
        form = {"upload_id": upload_id, "skip_verify": "false", "skip_db_search": "false", "skip_liveness": "true"}
        return self.client.post("/verify", data={**form, **changes})

    def services(self) -> Services:
        """Return what serves requests now; an edit of `.env` may close it."""
        with self.container.lease() as services:
            return services

    def records(self) -> tuple[Settings, Records]:
        """Return the settings and records that serve now."""
        with self.container.lease(), self.container.current_records() as current:
            assert current is not None
            return current

    def log(self) -> str:
        """Return the log so far."""
        return (self.folder / "faceapp.log").read_text()

    def close(self) -> None:
        """Let go of connections; the models stay for the next site."""
        self.container.close()


def code(reply: TestResponse) -> int:
    """Return the number in a reply's body."""
    body = reply.get_json()
    return int(next(value for key, value in body.items() if key.endswith("code")))


def results(reply: TestResponse) -> Any:
    """Return the results in a reply's body."""
    return next(value for key, value in reply.get_json().items() if key.endswith("results"))


def variant(photo: bytes, brightness: float = 0.9, shift: int = 9, degrees: float = 4.0) -> bytes:
    """Return another photo of the same face: turned, moved, of other light, encoded anew."""
    pixels = decoded(photo)
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turn[:, 2] += shift
    moved = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    return encoded(np.clip(moved.astype(np.float32) * brightness, 0, 255).astype(np.uint8))


def new_photo(photo: bytes, seed: int = 1) -> bytes:
    """Return a photo of the same person that is no copy: every feature of the face has moved a little on its own."""
    pixels = decoded(variant(photo, 1.0))
    height, width = pixels.shape[:2]
    noise = np.random.default_rng(seed).normal(0, 1, (2, height, width)).astype(np.float32)
    right, down = (cv2.GaussianBlur(one, (0, 0), 15) for one in noise)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    moved_to = x + 3.5 * right / right.std(), y + 3.5 * down / down.std()
    return encoded(np.asarray(cv2.remap(pixels, *moved_to, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)))


def decoded(photo: bytes) -> np.ndarray[Any, Any]:
    """Return an image file's BGR pixels."""
    pixels = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return np.asarray(pixels)


def encoded(pixels: np.ndarray[Any, Any], extension: str = ".jpg") -> bytes:
    """Return an image file of BGR pixels."""
    done, data = cv2.imencode(extension, pixels)
    assert done
    return bytes(data.tobytes())


def blank(side: int = 200, extension: str = ".jpg") -> bytes:
    """Return a photo without a face."""
    noise = np.random.default_rng(0).integers(90, 110, (side, side, 3), dtype=np.uint8)
    return encoded(noise, extension)


def parallel_map(photos: Sequence[bytes]) -> bytes:
    """Return one photo that shows all the given ones."""
    pixels = [decoded(photo) for photo in photos]
    height = min(one.shape[0] for one in pixels)
    return encoded(np.hstack([one[:height] for one in pixels]))
