"""CompreFace's API over HTTP with real models: its calls, forms and error codes."""

from __future__ import annotations

import base64
import io
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from werkzeug.test import TestResponse

from db.keys import KeyRecords
from security.keys import new_key
from tests.http.site import Site, blank, parallel_map

pytestmark = pytest.mark.models

OBAMA, OBAMA_2, OBAMA_3, BIDEN = "obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg"
BASE = "/api/v1/recognition"
SUBJECTS, FACES = f"{BASE}/subjects", f"{BASE}/faces"
ADA = "Ada Lovelace"


def put(site: Site, path: str, **photos: bytes) -> TestResponse:
    """Send photos as files."""
    return site.client.post(path, data={key: (io.BytesIO(photo), "a.jpg") for key, photo in photos.items()})


def added(site: Site, photo: bytes, subject: str = ADA) -> str:
    """Add an image; return its id."""
    reply = put(site, f"{FACES}?subject={subject}", file=photo)
    assert reply.status_code == 201, reply.get_json()
    return str(reply.get_json()["image_id"])


def recognised(site: Site, photo: bytes, query: str = "") -> list[Mapping[str, Any]]:
    """Return the faces of a photo."""
    reply = put(site, f"{BASE}/recognize?{query}", file=photo)
    assert reply.status_code == 200, reply.get_json()
    result: list[Mapping[str, Any]] = reply.get_json()["result"]
    return result


def refused(reply: TestResponse) -> tuple[int, int, int]:
    """Return the HTTP status, CompreFace's number and ours."""
    body = reply.get_json()
    assert set(body) == {"message", "code", "faceapp_code"}
    return reply.status_code, body["code"], body["faceapp_code"]


@pytest.fixture
def calm(make_site: Callable[..., Site]) -> Site:
    """Return a server that judges no liveness: its tests are about something else."""
    return make_site(LIVENESS_FOR_COMPREFACE="off")


def test_a_subject_from_the_first_call_to_the_last(calm: Site, portraits: Mapping[str, bytes]) -> None:
    client = calm.client
    assert client.post(SUBJECTS, json={"subject": ADA}).get_json() == {"subject": ADA}
    assert client.get(f"{SUBJECTS}/").get_json() == {"subjects": [ADA]}
    first, second = added(calm, portraits[OBAMA]), added(calm, portraits[OBAMA_2])
    assert str(uuid.UUID(first)) == first
    rows = [{"image_id": one, "subject": ADA} for one in (first, second)]
    counts = {"page_number": 0, "page_size": 20, "total_pages": 1, "total_elements": 2}
    assert client.get(FACES).get_json() == {"faces": rows, **counts}
    (face,) = recognised(calm, portraits[OBAMA_3])
    assert [one["subject"] for one in face["subjects"]] == [ADA]
    assert face["subjects"][0]["similarity"] >= 0.9
    assert face["subjects"][0]["fmr_at_score"] <= 1e-4
    assert recognised(calm, portraits[BIDEN])[0]["subjects"] == []
    assert client.get(f"{FACES}/{first}/img").data.startswith(b"\x89PNG")
    assert client.delete(f"{FACES}/{first}").get_json() == rows[0]
    assert client.get(f"{FACES}/{first}/img").data == b""
    assert client.delete(f"{FACES}/{second}").get_json() == rows[1]
    assert client.get(SUBJECTS).get_json() == {"subjects": [ADA]}
    assert client.get(FACES).get_json()["total_elements"] == 0
    forgotten = client.delete(f"{SUBJECTS}/{ADA}").get_json()
    assert (forgotten["subject"], forgotten["receipt"]["removed"]["announcements"]) == (ADA, 1)
    assert client.get(SUBJECTS).get_json() == {"subjects": []}


def test_a_subject_is_a_person_whose_id_only_the_server_uses(calm: Site, portraits: Mapping[str, bytes]) -> None:
    added(calm, portraits[OBAMA])
    (person,) = calm.client.get("/people").get_json()["results"]["people"]
    assert (person["name"], person["id"][:3], len(person["id"])) == (ADA, "cf-", 19)
    assert calm.upload(portraits[OBAMA_2], person_id=person["id"]).get_json()["upload_code"] == 127
    assert calm.client.delete(f"/people/{person['id']}").get_json()["code"] == 101
    assert calm.client.get(SUBJECTS).get_json() == {"subjects": []}


def test_pages_of_images_and_of_one_subject(calm: Site, portraits: Mapping[str, bytes]) -> None:
    ids = [added(calm, portraits[OBAMA]), added(calm, portraits[OBAMA_2]), added(calm, portraits[BIDEN], "Joe")]
    calm.enrolled(portraits[OBAMA_3])

    def page(query: str) -> tuple[list[str], int, int]:
        body = calm.client.get(f"{FACES}?{query}").get_json()
        return [face["image_id"] for face in body["faces"]], body["total_pages"], body["total_elements"]

    assert page("page=0&size=2") == (ids[:2], 2, 3)
    assert page("page=1&size=2") == (ids[2:], 2, 3)
    assert page("page=2&size=2") == ([], 2, 3)
    assert page("subject=Joe") == (ids[2:], 1, 1)
    assert page("subject=Nobody") == ([], 0, 0)


def test_a_rename_and_a_merge(calm: Site, portraits: Mapping[str, bytes]) -> None:
    client, first = calm.client, added(calm, portraits[OBAMA])
    second = added(calm, portraits[OBAMA_2], "Barack")
    assert client.put(f"{SUBJECTS}/{ADA}", json={"subject": "Obama"}).get_json() == {"updated": True}
    assert client.put(f"{SUBJECTS}/Barack", json={"subject": "Obama"}).get_json() == {"updated": True}
    faces = client.get(FACES).get_json()["faces"]
    assert sorted(one["image_id"] for one in faces) == sorted([first, second])
    assert {one["subject"] for one in faces} == {"Obama"}
    assert client.get(SUBJECTS).get_json() == {"subjects": ["Obama"]}
    assert len(client.get("/people").get_json()["results"]["people"]) == 1
    assert [one["subject"] for one in recognised(calm, portraits[OBAMA_3])[0]["subjects"]] == ["Obama"]
    added(calm, portraits[BIDEN], "Joe")
    assert refused(client.put(f"{SUBJECTS}/Joe", json={"subject": "Obama"})) == (400, 36, 852)
    client.post(SUBJECTS, json={"subject": "Empty"})
    client.put(f"{SUBJECTS}/Joe", json={"subject": "Empty"})
    assert client.get(SUBJECTS).get_json() == {"subjects": ["Empty", "Obama"]}
    assert client.get(f"{FACES}?subject=Empty").get_json()["total_elements"] == 1


def test_many_are_deleted_at_once(calm: Site, portraits: Mapping[str, bytes]) -> None:
    client, first, second = calm.client, added(calm, portraits[OBAMA]), added(calm, portraits[OBAMA_2])
    other = added(calm, portraits[BIDEN], "Joe")
    calm.enrolled(portraits[OBAMA_3])
    asked = [first, str(uuid.uuid4()), "no id"]
    assert client.post(f"{FACES}/delete", json=asked).get_json() == [{"image_id": first, "subject": ADA}]
    assert client.delete(f"{FACES}?subject={ADA}").get_json() == {"deleted": 1}
    assert [one["image_id"] for one in client.get(FACES).get_json()["faces"]] == [other]
    assert client.delete(FACES).get_json() == {"deleted": 1}
    assert client.get(SUBJECTS).get_json() == {"subjects": [ADA, "Joe"]}
    assert client.delete(SUBJECTS).get_json() == {"deleted": 2}
    assert client.get("/people").get_json()["results"]["people"][0]["id"].startswith("RECO_ID_")
    assert refused(client.delete(f"{FACES}/{second}")) == (404, 44, 116)


def test_several_faces_are_answered_one_by_one(calm: Site, portraits: Mapping[str, bytes]) -> None:
    image_id = added(calm, portraits[OBAMA])
    both = parallel_map([portraits[OBAMA_2], portraits[BIDEN]])
    faces = recognised(calm, both)
    assert sorted(len(face["subjects"]) for face in faces) == [0, 1]
    assert len(recognised(calm, both, "limit=1")) == 1
    similar = [one["similarity"] for one in put(calm, f"{FACES}/{image_id}/verify", file=both).get_json()["result"]]
    assert sum(one >= 0.9 for one in similar) == 1
    assert refused(put(calm, f"{FACES}?subject=Both", file=both)) == (400, 31, 152)
    assert calm.client.get(SUBJECTS).get_json() == {"subjects": [ADA]}
    verify = "/api/v1/verification/verify"
    (pair,) = put(calm, verify, source_image=portraits[OBAMA], target_image=both).get_json()["result"]
    assert sum(one["similarity"] >= 0.9 for one in pair["face_matches"]) == 1
    assert refused(put(calm, verify, source_image=both, target_image=portraits[OBAMA])) == (400, 31, 152)


def test_plugins_and_status(calm: Site, portraits: Mapping[str, bytes]) -> None:
    plugins = "calculator,landmarks,pose,quality,age,gender,mask"
    reply = put(calm, f"/api/v1/detection/detect?face_plugins={plugins}&status=True", file=portraits[OBAMA]).get_json()
    (face,) = reply["result"]
    assert set(face) == {"box", "embedding", "landmarks", "pose", "quality", "execution_time"}
    assert (len(face["embedding"]), len(face["landmarks"]), set(face["pose"])) == (128, 5, {"pitch", "roll", "yaw"})
    assert set(reply["plugins_versions"]) == {"detector", "calculator"}
    assert face["box"]["x_min"] < face["landmarks"][0][0] < face["landmarks"][1][0] < face["box"]["x_max"]
    (bare,) = put(calm, "/api/v1/detection/detect", file=portraits[OBAMA]).get_json()["result"]
    assert set(bare) == {"box"}


def test_embeddings_stand_for_photos(calm: Site, portraits: Mapping[str, bytes]) -> None:
    client, image_id = calm.client, added(calm, portraits[OBAMA])
    ones = [recognised(calm, portraits[name], "face_plugins=calculator")[0] for name in (OBAMA_2, BIDEN)]
    vectors = [one["embedding"] for one in ones]
    found = client.post(f"{BASE}/embeddings/recognize", json={"embeddings": vectors}).get_json()["result"]
    assert [one["similarities"] for one in found] == [one["subjects"] for one in ones]
    assert found[0]["embedding"] == vectors[0]
    path = f"{BASE}/embeddings/faces/{image_id}/verify"
    stored = client.post(path, json={"embeddings": vectors}).get_json()["result"]
    by_photo = put(calm, f"{FACES}/{image_id}/verify", file=portraits[OBAMA_2]).get_json()["result"]
    assert stored[0]["similarity"] == by_photo[0]["similarity"] >= 0.9 > stored[1]["similarity"]
    path, asked = "/api/v1/verification/embeddings/verify", {"source": vectors[0], "targets": vectors}
    assert [one["similarity"] >= 0.9 for one in client.post(path, json=asked).get_json()["result"]] == [True, False]
    for given in ([[1.0, 2.0]], [], [["x"] * 128], [[0] * 128], None):
        reply = client.post(f"{BASE}/embeddings/recognize", json={"embeddings": given})
        assert refused(reply) == (400, 37, 422)


def test_nearest_names_whoever_is_nearest(make_site: Callable[..., Site], portraits: Mapping[str, bytes]) -> None:
    site = make_site(LIVENESS_FOR_COMPREFACE="off", COMPREFACE_RECOGNIZE="nearest")
    added(site, portraits[OBAMA])
    added(site, portraits[BIDEN], "Joe")
    found = recognised(site, portraits[OBAMA_2], "prediction_count=5")[0]["subjects"]
    assert [one["subject"] for one in found] == [ADA, "Joe"]
    assert found[0]["similarity"] >= 0.9 > found[1]["similarity"]
    assert len(recognised(site, portraits[OBAMA_2])[0]["subjects"]) == 1


def test_errors_have_their_numbers(calm: Site, portraits: Mapping[str, bytes]) -> None:
    client, photo = calm.client, portraits[OBAMA]
    added(calm, photo)
    text = base64.b64encode(photo).decode()
    unknown = uuid.uuid4()
    asked = [
        (put(calm, f"{BASE}/recognize", file=blank()), (400, 28, 630)),
        (put(calm, f"{FACES}?subject=Joe", file=blank()), (400, 28, 630)),
        (put(calm, f"{FACES}?subject=Joe", file=b"no photo"), (400, 21, 193)),
        (put(calm, f"{BASE}/recognize", file=b"no photo"), (400, 21, 193)),
        (put(calm, f"{FACES}", file=photo), (400, 33, 422)),
        (client.post(f"{FACES}?subject=Joe"), (400, 34, 117)),
        (client.post(f"{BASE}/recognize", json={"file": "no base64!"}), (400, 21, 193)),
        (client.post(f"{BASE}/recognize?prediction_count=0", json={"file": text}), (400, 12, 422)),
        (client.post(f"{BASE}/recognize?limit=-1", json={"file": text}), (400, 26, 422)),
        (client.post(f"{BASE}/recognize?det_prob_threshold=1.5", json={"file": text}), (400, 26, 422)),
        (client.post(f"{BASE}/recognize?det_prob_threshold=1", json={"file": text}), (400, 28, 630)),
        (client.post(SUBJECTS, json={"subject": ADA}), (400, 43, 409)),
        (client.post(SUBJECTS, json={"subject": " "}), (400, 33, 422)),
        (client.post(SUBJECTS, json={"subject": "x" * 201}), (400, 26, 128)),
        (client.post(SUBJECTS, data="{", content_type="application/json"), (400, 0, 118)),
        (client.put(f"{SUBJECTS}/Nobody", json={"subject": "Joe"}), (404, 42, 116)),
        (client.delete(f"{SUBJECTS}/Nobody"), (404, 42, 116)),
        (client.delete(f"{FACES}?subject=Nobody"), (404, 42, 116)),
        (client.delete(f"{FACES}/{unknown}"), (404, 44, 116)),
        (client.post(f"{FACES}/delete", json={"image_id": "x"}), (400, 26, 422)),
        (put(calm, f"{FACES}/{unknown}/verify", file=photo), (404, 44, 116)),
        (put(calm, f"{FACES}?subject={ADA}", file=portraits[BIDEN]), (400, 36, 852)),
        (client.get("/api/v1/nothing"), (404, 0, 404)),
        (client.get(f"{BASE}/recognize"), (405, 0, 405)),
    ]
    assert [refused(reply) for reply, _ in asked] == [expected for _, expected in asked]
    assert client.get(SUBJECTS).get_json() == {"subjects": [ADA]}


def test_a_poor_photo_is_refused_with_advice(make_site: Callable[..., Site], portraits: Mapping[str, bytes]) -> None:
    site = make_site(SCORE_TOL="9.99")
    reply = put(site, f"{FACES}?subject={ADA}", file=portraits[OBAMA])
    assert refused(reply) == (400, 36, 120)
    assert refused(put(site, f"{FACES}?subject={ADA}", file=blank())) == (400, 28, 630)


def test_an_image_cannot_be_guessed_at_without_end(
    make_site: Callable[..., Site], portraits: Mapping[str, bytes]
) -> None:
    site = make_site(LIVENESS_FOR_COMPREFACE="off", FAILED_VERIFY_LIMIT="2/3 minutes")
    path = f"{FACES}/{added(site, portraits[OBAMA])}/verify"
    tried = [put(site, path, file=portraits[one]).status_code for one in (BIDEN, OBAMA_2, BIDEN, BIDEN, OBAMA_2)]
    assert tried == [200, 200, 200, 200, 429]
    refusal = site.client.post(path.replace("/faces/", "/embeddings/faces/"), json={"embeddings": [[1.0] * 128]})
    assert (refusal.status_code, refusal.get_json()["faceapp_code"]) == (429, 429)
    assert int(refusal.headers["Retry-After"]) > 20


def test_keys_open_what_their_scopes_say(calm: Site, portraits: Mapping[str, bytes]) -> None:
    image_id = added(calm, portraits[OBAMA])
    path = f"/api/v1/static/{uuid.uuid4()}/images/{image_id}"
    assert calm.client.get(path).data.startswith(b"\x89PNG")
    made, table = {}, KeyRecords(calm.records()[1].database)
    for scope in ("search", "people"):
        made[scope], record = new_key(scope, [scope], 0, None)
        table.add(record)
    calm.container.keyring.refresh()

    def asked(method: str, path: str, key: str | None) -> TestResponse:
        return calm.client.open(path, method=method, headers={"x-api-key": key} if key else {})

    assert refused(asked("GET", SUBJECTS, None)) == (401, 20, 401)
    assert refused(asked("GET", SUBJECTS, str(uuid.uuid4()))) == (401, 10, 401)
    assert refused(asked("GET", SUBJECTS, made["search"])) == (403, 1, 403)
    assert asked("GET", SUBJECTS, made["people"]).get_json() == {"subjects": [ADA]}
    assert refused(asked("POST", SUBJECTS, made["people"])) == (403, 1, 403)
    assert refused(asked("POST", f"{BASE}/recognize", made["search"])) == (400, 34, 117)
    assert refused(calm.client.get(path)) == (401, 10, 401)
    assert calm.client.get(f"/api/v1/static/{made['people']}/images/{image_id}").data.startswith(b"\x89PNG")
    assert calm.client.get(f"/api/v1/static/{made['search']}/images/{image_id}").status_code == 403
    assert made["people"] not in calm.log()
