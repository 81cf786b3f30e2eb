"""The person / face API by the paths of its document, over HTTP with real models."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import pytest
from werkzeug.test import TestResponse

from tests.http.site import ID, OTHER_ID, Site

pytestmark = pytest.mark.models

OBAMA, OBAMA_2, OBAMA_3, BIDEN = "obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg"


def answer(reply: TestResponse) -> tuple[int, Mapping[str, Any]]:
    body = reply.get_json()
    assert reply.status_code == (body["code"] if body["code"] in (404, 409, 422) else reply.status_code)
    return body["code"], body["results"]


def blank_photo() -> bytes:
    return bytes(cv2.imencode(".png", np.full((200, 200, 3), 90, np.uint8))[1].tobytes())


def text(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def send(site: Site, path: str, photo: bytes, **fields: str) -> tuple[int, Mapping[str, Any]]:
    """Send a photo as a file."""
    return answer(site.client.post(path, data={"image": (io.BytesIO(photo), "a.jpg"), **fields}))


def test_a_person_from_the_first_call_to_the_last(site: Site, portraits: Mapping[str, bytes]) -> None:
    client = site.client
    created = client.post("/api/person/create", json={"name": "Barack Obama", "reco_id": ID, "colour": "blue"})
    assert answer(created) == (101, {"id": ID, "name": "Barack Obama", "faces": 0})
    code, face = send(site, "/api/face/create", portraits[OBAMA], person_id=ID)
    assert (code, face["person_id"]) == (101, ID)
    assert answer(client.post("/api/face/create", json={"person_id": ID, "image": text(portraits[OBAMA_2])}))[0] == 101
    assert site.verify(site.uploaded(portraits[OBAMA_3])).get_json()["recognition_code"] == 200
    assert answer(client.get("/api/person/listall"))[1]["people"] == [{"id": ID, "name": "Barack Obama", "faces": 2}]
    assert answer(client.get(f"/api/face/listbyperson/{ID}"))[1]["faces"][0]["id"] == face["id"]
    assert answer(client.post(f"/api/face/update/{face['id']}", json={"image": text(portraits[OBAMA_3])})) == (
        101,
        face,
    )
    assert answer(client.get("/api/face/listall"))[1]["count"] == 2
    assert answer(client.put(f"/api/person/update/{ID}", json={"name": "Obama"}))[1]["name"] == "Obama"
    code, results = send(site, "/api/verify/linear", portraits[OBAMA])
    assert [(one["person_id"], one["accepted"]) for one in results["faces"]] == [(ID, True)] * 2
    assert send(site, "/api/verify/linear", portraits[BIDEN], person_id=ID)[1]["faces"][0]["accepted"] is False
    assert answer(client.delete(f"/api/face/delete/{face['id']}")) == (101, {"receipt": None})
    assert answer(client.delete(f"/api/person/delete/{ID}"))[1]["receipt"]["removed"]["rows"] == 1
    assert answer(client.get(f"/api/face/listbyperson/{ID}"))[0] == 116
    assert answer(client.get("/api/person/listall"))[1]["people"] == []


def test_who_was_only_made_is_forgotten_too(site: Site) -> None:
    site.client.post("/api/person/create", json={"name": "Joe", "reco_id": OTHER_ID})
    assert answer(site.client.post(f"/api/person/delete/{OTHER_ID}"))[1]["receipt"]["removed"]["announcements"] == 1
    assert answer(site.client.get("/api/person/listall"))[1]["count"] == 0


def test_bad_input(site: Site, portraits: Mapping[str, bytes]) -> None:
    client = site.client
    assert answer(client.post("/api/person/create", json={"name": "Joe", "reco_id": "Joe"}))[0] == 127
    assert answer(client.post("/api/face/create", json={"person_id": ID, "image": text(portraits[OBAMA])}))[0] == 116
    client.post("/api/person/create", data={"name": "Joe", "reco_id": ID})
    assert answer(client.post("/api/person/create", json={"name": "Joe", "reco_id": ID}))[0] == 409
    assert answer(client.post("/api/face/create", json={"person_id": ID, "image": "no base64!"}))[0] == 193
    assert send(site, "/api/face/create", blank_photo(), person_id=ID)[0] == 422
    assert answer(client.get("/api/person/listall?page=2"))[0] == 404
    assert answer(client.get("/api/person/listall?page=x"))[0] == 422
    assert answer(client.get("/api/face/listbyperson/RECO_ID_7"))[0] == 116
    assert answer(client.delete(f"/api/face/delete/{'0' * 32}_01"))[0] == 116


def test_embeddings_are_shown_only_where_the_settings_say_so(site: Site, portraits: Mapping[str, bytes]) -> None:
    site.enrolled(portraits[OBAMA])
    (face,) = answer(site.client.get("/api/face/listall"))[1]["faces"]
    assert answer(site.client.get(f"/api/dev/embeddings/{face['id']}"))[0] == 404
    site.edit(DEV_API="true")
    code, results = answer(site.client.get(f"/api/dev/embeddings/{face['id']}"))
    assert (code, len(results["embeddings"]["Dlib"]["vector"])) == (101, 128)


@pytest.mark.parametrize(
    "path",
    [
        "api/person/listall", "api/person/create", "api/person/update", "api/person/delete/RECO_ID_1",
        "api/face/listall", "api/face/create", "api/face/listbyperson", "api/face/update", "api/face/delete",
        "api/verify/linear", "api/dev/embeddings",
    ],
)  # fmt: skip
def test_every_path_has_help(site: Site, path: str) -> None:
    code, results = answer(site.client.get(f"/help/{path}"))
    told = next(iter(results["methods"].values()))
    assert (code, told["purpose"] != "", told["example"]["code"]) == (101, True, 101)


def test_of_another_path_there_is_none(site: Site) -> None:
    assert answer(site.client.get("/help/api/nothing"))[0] == 404
