"""Endpoints that take photos and keep nothing of them, with real models; and uploads in one call."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Mapping
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.http.site import ID, OTHER_ID, Site

pytestmark = pytest.mark.models

OBAMA, OBAMA_2, OBAMA_3, BIDEN = "obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg"


def post(site: Site, path: str, **fields: Any) -> TestResponse:
    """Send a multipart body; bytes become files."""
    parts = {
        key: (io.BytesIO(value), f"{key}.jpg") if isinstance(value, bytes) else value for key, value in fields.items()
    }
    return site.client.post(path, data=parts, content_type="multipart/form-data")


def answer(reply: TestResponse) -> tuple[int, Mapping[str, Any]]:
    """Return a reply's code and results."""
    body = reply.get_json()
    return body["code"], body["results"]


def text_of(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def test_two_photos_of_one_person_and_of_two(site: Site, portraits: Mapping[str, bytes]) -> None:
    code, results = answer(post(site, "/compare", a=portraits[OBAMA], b=portraits[OBAMA_2]))
    assert (code, results["accepted"]) == (210, True)
    assert results["fmr_at_score"] < 1e-3
    assert results["quality"]["a"]["a.jpg"]["score"] > 5
    code, results = answer(post(site, "/compare", a=portraits[OBAMA], b=portraits[BIDEN]))
    assert (code, results["accepted"]) == (510, False)
    assert results["score"] > results["threshold"]


def test_sets_in_json(site: Site, portraits: Mapping[str, bytes]) -> None:
    body = {"a": [text_of(portraits[OBAMA]), text_of(portraits[OBAMA_2])], "b": text_of(portraits[OBAMA_3])}
    assert answer(site.client.post("/compare", json=body))[0] == 210
    assert answer(site.client.post("/compare", json={**body, "document": True}))[1]["calibrated"] is False


def test_the_selfie_is_judged(site: Site, portraits: Mapping[str, bytes]) -> None:
    code, results = answer(post(site, "/compare", a=portraits[OBAMA], b=portraits[OBAMA_2], live="1"))
    assert (code, list(results["liveness"])) == (210, ["b.jpg"])


@pytest.mark.parametrize("fields", [{"live": "perhaps"}, {"document": "c"}])
def test_other_values_are_refused(site: Site, portraits: Mapping[str, bytes], fields: dict[str, str]) -> None:
    code, results = answer(post(site, "/compare", a=portraits[OBAMA], b=portraits[OBAMA_2], **fields))
    assert (code, results["field"]) == (422, next(iter(fields)))


def test_who_is_this(site: Site, portraits: Mapping[str, bytes]) -> None:
    site.enrolled(portraits[OBAMA], portraits[OBAMA_2])
    site.enrolled(portraits[BIDEN], person_id=OTHER_ID, name="Joe")
    code, results = answer(post(site, "/search?limit=1", image=portraits[OBAMA_3]))
    (found,) = results["faces"][0]["candidates"]
    assert (code, found["id"], found["accepted"], results["people"]) == (101, ID, True, 2)
    assert found["false_positive_rate"] < 0.05


def test_a_search_of_many_photos_is_a_job(site: Site, portraits: Mapping[str, bytes]) -> None:
    site.enrolled(portraits[OBAMA])
    images = [text_of(portraits[OBAMA_2]), text_of(portraits[BIDEN])]
    _, started = answer(site.client.post("/search", json={"images": images, "async": True}))
    for _ in range(600):
        _, job = answer(site.client.get(f"/jobs/{started['job']}"))
        if job["state"] != "running":
            break
        time.sleep(0.1)
    faces = job["result"]["results"]["faces"]
    assert [face["candidates"][0]["accepted"] for face in faces] == [True, False]


def test_faces_and_embeddings(site: Site, portraits: Mapping[str, bytes]) -> None:
    _, found = answer(post(site, "/detect", image=portraits[OBAMA]))
    _, embedded = answer(post(site, "/embed", image=portraits[OBAMA]))
    (face,), (same,) = found["photos"][0]["faces"], embedded["photos"][0]["faces"]
    assert (face["box"], len(face["landmarks"]), "embeddings" in face) == (same["box"], 5, False)
    assert len(same["embeddings"]["Dlib"]["vector"]) == 128


def test_one_call_enrols_and_one_call_verifies(site: Site, portraits: Mapping[str, bytes]) -> None:
    code, results = answer(post(site, f"/people/{ID}/faces", photo=portraits[OBAMA]))
    assert (code, results["field"], list(site.uploads.iterdir())) == (116, "name", [])
    assert answer(post(site, "/people/x/faces", photo=portraits[OBAMA]))[0] == 127
    code, _ = answer(post(site, f"/people/{ID}/faces", photo=portraits[OBAMA], name="Barack"))
    assert code == 800
    assert answer(post(site, f"/people/{ID}/faces", photo=portraits[OBAMA_2], name=""))[0] == 128
    assert answer(post(site, f"/people/{ID}/faces", photo=portraits[OBAMA_2]))[0] == 850
    code, results = answer(post(site, f"/verify-photo?id={ID}&skip_liveness=1", photo=portraits[OBAMA_3]))
    assert (code, results["accepted"], results["name"]) == (200, True, "Barack")
    code, results = answer(post(site, f"/verify-photo?id={ID}&skip_liveness=1", photo=portraits[BIDEN]))
    assert (code, results["accepted"]) == (500, False)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/verify-photo", 110),
        (f"/verify-photo?id={ID}&id={ID}", 110),
        (f"/verify-photo?id={ID}&skip_verify=maybe", 422),
    ],
)
def test_the_query_of_one_call(site: Site, portraits: Mapping[str, bytes], path: str, code: int) -> None:
    assert answer(post(site, path, photo=portraits[OBAMA]))[0] == code


def test_no_photos(site: Site) -> None:
    for path in ("/compare", "/search", "/detect", "/embed", f"/people/{ID}/faces", f"/verify-photo?id={ID}"):
        assert answer(post(site, path, name="nobody"))[0] == 117


def test_the_name_of_a_photo_or_another_key_is_no_photo(site: Site, portraits: Mapping[str, bytes]) -> None:
    named, other = post(site, "/search", photo="me.JPG"), post(site, "/compare", img1=portraits[OBAMA])
    assert answer(named)[1]["advice"].startswith("A field has the name of a file in place of the file.")
    assert answer(other)[1]["advice"] == "Send a photo under the key a, as a file or as base64 text."
