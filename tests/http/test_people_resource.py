"""/people over HTTP, with real models and records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.http.site import ID, OTHER_ID, Site

pytestmark = pytest.mark.models

OBAMA, OBAMA_2, OBAMA_3, BIDEN = "obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg"


def answer(reply: TestResponse) -> tuple[int, Mapping[str, Any]]:
    body = reply.get_json()
    return body["code"], body["results"]


@pytest.fixture
def two(site: Site, portraits: Mapping[str, bytes]) -> Site:
    """Return a server with two people: one has two photos, the other one and one that shows the first person."""
    site.enrolled(portraits[OBAMA], portraits[OBAMA_2], name="Barack Obama")
    site.enrolled(portraits[BIDEN], person_id=OTHER_ID, name="Joe Biden")
    return site


def faces_of(site: Site, person_id: str) -> list[str]:
    return [face["face_id"] for face in answer(site.client.get(f"/people/{person_id}"))[1]["faces"]]


def test_people_are_listed_shown_and_renamed(two: Site) -> None:
    assert answer(two.client.get("/people?search=joe")) == (
        101, {"people": [{"id": OTHER_ID, "name": "Joe Biden"}], "next": None},
    )  # fmt: skip
    assert answer(two.client.get("/people?limit=1"))[1]["next"] == ID
    assert answer(two.client.patch(f"/people/{OTHER_ID}", json={"name": "Joseph Biden"}))[0] == 101
    assert answer(two.client.get(f"/people/{OTHER_ID}"))[1]["name"] == "Joseph Biden"
    assert answer(two.client.get("/people/RECO_ID_7"))[0] == 116
    assert answer(two.client.get("/people?limit=0"))[0] == 422


def test_a_face_is_shown_as_a_picture(two: Site) -> None:
    (face_id,) = faces_of(two, OTHER_ID)
    reply = two.client.get(f"/people/{OTHER_ID}/faces/{face_id}")
    assert (reply.mimetype, reply.data[:4]) == ("image/png", b"\x89PNG")
    assert answer(two.client.get(f"/people/{ID}/faces/{face_id}"))[0] == 116
    turned = [two.client.get(f"/people/{OTHER_ID}/faces/{face_id}?augmented={number}") for number in range(1, 6)]
    assert [one.mimetype for one in turned] == ["image/png"] * 4 + ["application/json"]
    assert reply.data != turned[0].data
    assert (answer(turned[4])[0], answer(turned[4])[1]["field"]) == (116, "augmented")
    assert answer(two.client.get(f"/people/{OTHER_ID}/faces/{face_id}?augmented=-1"))[0] == 422


def test_without_a_face_the_others_are_verified(two: Site, portraits: Mapping[str, bytes]) -> None:
    first, second = faces_of(two, ID)
    code, results = answer(two.client.delete(f"/people/{ID}/faces/{first}"))
    assert (code, [face["face_id"] for face in results["faces"]]) == (101, [second])
    assert two.verify(two.uploaded(portraits[OBAMA_3])).get_json()["recognition_code"] == 200
    assert answer(two.client.delete(f"/people/{ID}/faces/{second}"))[0] == 422


def test_a_face_goes_only_to_whom_it_shows(two: Site, portraits: Mapping[str, bytes]) -> None:
    code, _ = answer(two.client.post(f"/people/{ID}/faces/{faces_of(two, ID)[0]}/move", json={"to": OTHER_ID}))
    assert (code, len(faces_of(two, ID))) == (852, 2)
    two.enrolled(portraits[OBAMA_3], person_id="RECO_ID_3", name="Barack")
    moved = faces_of(two, ID)[0]
    code, results = answer(two.client.post(f"/people/{ID}/faces/{moved}/move", json={"to": "RECO_ID_3"}))
    assert (code, results["faces"][-1]["face_id"]) == (101, moved)
