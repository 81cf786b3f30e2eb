"""The requests of the load: uploads, verifications, enrolments, comparisons, searches, and how each was answered."""

import base64
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode

from urllib3 import encode_multipart_formdata

BUSY = "503"
ANSWERS = {
    "upload": {"119"},
    "verify": {"200", "134", "100", "500", "852"},
    "enrol": {"800", "900"},
    "compare": {"210"},
    "search": {"101"},
    "person": {"101"},
}
"""Codes of a request that was processed, by its kind."""
WEIGHTS = {"upload": 8, "verify": 5, "enrol": 2, "compare": 1, "search": 2, "person": 2}
"""How often a kind comes; enrolments and verifications need an upload."""
PEOPLE = tuple(f"RECO_ID_{number}" for number in range(1, 9))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
TIMEOUT_S = 120


@dataclass(frozen=True)
class Answer:
    """How a request was answered: its kind, the code or the name of what went wrong, and the seconds it took.

    `at` is when it was sent, in seconds since the client began.
    """

    kind: str
    code: str
    seconds: float
    at: float = 0.0

    @property
    def is_accepted(self) -> bool:
        """Whether the request was processed."""
        return self.code in ANSWERS[self.kind]

    @property
    def is_error(self) -> bool:
        """Whether the request was neither processed nor refused because the server is busy."""
        return not self.is_accepted and self.code != BUSY


class Load:
    """What the clients share: the photo, uploads that are unused, and the name that each person was given last."""

    def __init__(self, port: int, photo: bytes) -> None:
        self.port, self.photo = port, photo
        self.names: dict[str, str] = {}
        self.unused: list[str] = []
        self.enrolling = {person_id: threading.Lock() for person_id in PEOPLE}
        """Held while somebody is being enrolled: one at a time, so that names count."""
        self._draw, self._lock = random.Random(1), threading.Lock()

    def draw(self) -> str:
        """Return a kind of request."""
        with self._lock:
            return self._draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    def person(self) -> str:
        """Return somebody who is enrolled."""
        with self._lock:
            return self._draw.choice(PEOPLE)

    def take(self) -> str | None:
        """Take an upload that no request has used; None where there is none."""
        with suppress(IndexError):
            return self.unused.pop()
        return None


class Client:
    """One client on one persistent connection; `note` gets every answer."""

    def __init__(self, load: Load, note: Callable[[Answer], None]) -> None:
        self._connection = HTTPConnection("127.0.0.1", load.port, timeout=TIMEOUT_S)
        self._load, self._note, self._begun = load, note, time.monotonic()

    def send(self, kind: str) -> None:
        """Send a request of a kind, or an upload where this one needs an upload and there is none."""
        if kind in ("verify", "enrol"):
            self._with_upload(kind)
        elif kind == "upload":
            self.upload(self._load.person())
        elif kind == "person":
            self._send(kind, f"/people/{self._load.person()}", None, {}, "GET")
        else:
            photo = base64.b64encode(self._load.photo).decode()
            body = {"a": photo, "b": photo} if kind == "compare" else {"images": [photo]}
            self._send(kind, f"/{kind}", json.dumps(body).encode(), JSON)

    def upload(self, person_id: str) -> None:
        """Upload a photo, for a later request."""
        body, kind = encode_multipart_formdata({"photo": ("photo.jpg", self._load.photo)})
        reply = self._send("upload", f"/upload_imgs?id={person_id}", body, {"Content-Type": kind})
        found = reply.get("upload_results")
        if isinstance(found, dict) and "upload_id" in found:
            self._load.unused.append(str(found["upload_id"]))

    def person(self, person_id: str) -> Mapping[str, Any]:
        """Return what the server tells of a person."""
        return dict(self._send("person", f"/people/{person_id}", None, {}, "GET").get("results") or {})

    def _with_upload(self, kind: str) -> None:
        upload_id = self._load.take()
        if upload_id is None:
            self.upload(self._load.person())
        elif self._verify(upload_id) if kind == "verify" else self.enrol(upload_id):
            self._load.unused.append(upload_id)

    def _verify(self, upload_id: str) -> bool:
        """Verify an upload, without liveness, which one photo cannot show; return whether it is still unused."""
        flags = {"skip_verify": "false", "skip_db_search": "false", "skip_liveness": "true"}
        return self._refused(self._send("verify", "/verify", _form({"upload_id": upload_id, **flags}), FORM))

    def enrol(self, upload_id: str) -> bool:
        """Replace a person's enrolment under a new name; return whether the upload is still unused."""
        person_id = upload_id.rpartition("-")[0]
        if not self._load.enrolling[person_id].acquire(blocking=False):
            return True
        name = f"Grace Hopper {uuid.uuid4().hex[:8]}"
        form = {"upload_id": upload_id, "name": name, "delete_pickles": "false", "rebuild_db": "false"}
        reply = self._send("enrol", "/upload_db", _form({**form, "in_place": "true"}), FORM)
        if str(reply.get("result_code")) in ("800", "838", "850", "900"):
            self._load.names[person_id] = name
        self._load.enrolling[person_id].release()
        return self._refused(reply)

    def _refused(self, reply: Mapping[str, Any]) -> bool:
        return BUSY in {str(value) for key, value in reply.items() if key.endswith("code")}

    def _send(
        self, kind: str, path: str, body: bytes | None, headers: Mapping[str, str], method: str = "POST"
    ) -> dict[str, Any]:
        begun = time.monotonic()
        reply: dict[str, Any] = {}
        try:
            self._connection.request(method, path, body, dict(headers))
            reply = json.loads(self._connection.getresponse().read())
            code = next(str(value) for key, value in reply.items() if key.endswith("code"))
        except (OSError, HTTPException, ValueError, StopIteration) as error:
            self._connection.close()
            code = type(error).__name__
        self._note(Answer(kind, code, time.monotonic() - begun, begun - self._begun))
        return reply


def _form(fields: Mapping[str, str]) -> bytes:
    return urlencode(fields).encode()


def errors(answers: Iterable[Answer]) -> dict[str, int]:
    """Count what was neither processed nor refused, by kind and code."""
    return dict(Counter(f"{one.kind}: {one.code}" for one in answers if one.is_error))
