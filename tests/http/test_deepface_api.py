"""DeepFace's API: each call by JSON, by forms and by files, what is refused and how, and who may call."""

from __future__ import annotations

import base64
import io
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.source import Source
from bootstrap.models import LoadedModels
from faceapp import create_app
from pipeline.stages.metric import metrics_of
from pipeline.types import Face, Liveness
from security.keys import KeySet, new_key
from tests.fakes import ColourScorer
from tests.flows.world import ANN, BEN, BLACK, BLUE, DARK_RED, GREEN, RED, Colour, World, photo_file
from tests.http.documented import client_of
from tests.http.site import Site, blank, new_photo, parallel_map
from tests.http.site import code as code_of
from tests.http.test_seed_forms import WorldSource
from tests.models.test_attributes import models_in, random_client

AREA = {"x", "y", "w", "h", "left_eye", "right_eye", "nose", "mouth_left", "mouth_right"}
VERIFIED = {
    *("verified", "distance", "threshold", "confidence", "model", "detector_backend", "similarity_metric"),
    *("facial_areas", "time"),
}
MATCH = {
    *("id", "img_name", "model_name", "detector_backend", "aligned", "l2_normalized", "search_method", "target_x"),
    *("target_y", "target_w", "target_h", "threshold", "distance_metric", "distance", "confidence"),
}
"""The keys of DeepFace 0.0.103."""


@pytest.fixture
def world() -> World:
    one = World()
    one.known(ANN, RED)
    return one


def client_for(world: World, **front: Any) -> FlaskClient:
    return client_of(create_app(cast(Source, WorldSource(world, **front))))


@pytest.fixture
def client(world: World) -> FlaskClient:
    return client_for(world)


def text(photo: Colour | bytes, head: str = "") -> str:
    return head + base64.b64encode(photo if isinstance(photo, bytes) else photo_file(photo)).decode()


def as_file(photo: Colour | bytes) -> tuple[io.BytesIO, str]:
    return io.BytesIO(photo if isinstance(photo, bytes) else photo_file(photo)), "photo.png"


def refused(reply: TestResponse) -> tuple[int, int, str | None]:
    """Return the HTTP status, the code, and the field that is wrong."""
    body = reply.get_json()
    assert body["error"].endswith("."), body
    return reply.status_code, body["code"], body.get("field")


Send = Callable[[FlaskClient, str, dict[str, Colour], dict[str, Any]], TestResponse]


def by_json(client: FlaskClient, path: str, photos: dict[str, Colour], fields: dict[str, Any]) -> TestResponse:
    return client.post(path, json={name: text(one, "data:image/png;base64,") for name, one in photos.items()} | fields)


def by_form(client: FlaskClient, path: str, photos: dict[str, Colour], fields: dict[str, Any]) -> TestResponse:
    return client.post(path, data={name: text(one) for name, one in photos.items()} | fields)


def by_files(client: FlaskClient, path: str, photos: dict[str, Colour], fields: dict[str, Any]) -> TestResponse:
    data: dict[str, Any] = {name: as_file(one) for name, one in photos.items()}
    return client.post(path, data=data | fields, content_type="multipart/form-data")


each_way = pytest.mark.parametrize("send", [by_json, by_form, by_files])


# -- each call, each way -----------------------------------------------------------------------------------------------


@each_way
@pytest.mark.parametrize(("other", "expected"), [(DARK_RED, True), (BLUE, False)], ids=["same", "different"])
def test_two_photos_are_compared(client: FlaskClient, send: Send, other: Colour, expected: bool) -> None:
    body = send(client, "/deepface/verify", {"img1": RED, "img2": other}, {}).get_json()
    assert set(body) >= VERIFIED
    assert (body["verified"], body["distance"] <= body["threshold"], body["confidence"] > 50) == (expected,) * 3
    assert (body["model"], body["similarity_metric"]) == ("Colour", "cosine")
    assert [set(body["facial_areas"][name]) for name in ("img1", "img2")] == [AREA, AREA]
    assert body["fmr_at_score"] == 0.01


@each_way
def test_a_photos_faces_are_embedded(client: FlaskClient, send: Send) -> None:
    body = send(client, "/deepface/represent", {"img": RED}, {"model_name": "Colour", "max_faces": 1}).get_json()
    (face,) = body["results"]
    assert (face["embedding"], set(face["facial_area"]), face["face_confidence"]) == ([201.0, 11.0, 11.0], AREA, 0.99)


@each_way
def test_a_face_is_found_among_everybody(client: FlaskClient, send: Send) -> None:
    body = send(client, "/deepface/search", {"img": RED}, {"k": 3, "search_method": "ann"}).get_json()
    ((match,),) = body["results"]
    assert set(match) >= MATCH
    assert (match["id"], match["img_name"], match["search_method"]) == (ANN, "Ann van Dyck", "ann")


@each_way
def test_a_face_is_analysed(client: FlaskClient, send: Send) -> None:
    actions: Any = ["age", "gender"] if send is by_json else "['age', 'gender']"
    body = send(client, "/deepface/analyze", {"img": RED}, {"actions": actions}).get_json()
    (face,) = body["results"]
    assert {name: face[name] for name in ("age", "gender", "dominant_gender")} == {
        "age": 30, "gender": {"Woman": 90.0, "Man": 10.0}, "dominant_gender": "Woman",
    }  # fmt: skip
    assert (set(face["region"]), "emotion" in face) == (AREA, False)


def test_all_attributes_are_estimated_by_default(client: FlaskClient) -> None:
    (face,) = client.post("/deepface/analyze", json={"img": text(RED)}).get_json()["results"]
    assert set(face) == {
        "age", "gender", "dominant_gender", "emotion", "dominant_emotion", "region", "face_confidence",
    }  # fmt: skip


def test_the_index_needs_no_building(client: FlaskClient) -> None:
    reply = client.post("/deepface/build/index", json={"model_name": "VGG-Face", "align": True})
    assert (reply.status_code, reply.get_json()["people"]) == (200, 1)


def test_the_home_page_says_that_the_api_is_there(client: FlaskClient) -> None:
    for path in ("/deepface/", "/deepface"):
        reply = client.get(path)
        assert (reply.status_code, reply.mimetype, "DeepFace" in reply.get_data(as_text=True)) == (
            200, "text/html", True,
        )  # fmt: skip


def test_the_older_names_of_photos_are_taken(client: FlaskClient) -> None:
    sent = {"img1_path": text(RED), "img2_path": text(RED)}
    assert client.post("/deepface/verify", json=sent).get_json()["verified"] is True
    assert len(client.post("/deepface/represent", json={"img_path": text(RED)}).get_json()["results"]) == 1


# -- registering -------------------------------------------------------------------------------------------------------


@each_way
def test_a_registered_face_is_found(client: FlaskClient, send: Send) -> None:
    body = send(client, "/deepface/register", {"img": BLUE}, {"img_name": "Grace Hopper"}).get_json()
    assert (body["inserted"], body["img_name"], body["code"]) == (1, "Grace Hopper", 800)
    assert body["id"].startswith("cf-")
    ((match,),) = client.post("/deepface/search", json={"img": text(BLUE)}).get_json()["results"]
    assert (match["id"], match["img_name"]) == (body["id"], "Grace Hopper")
    assert client.post("/deepface/build/index").get_json()["people"] == 2


def test_a_name_that_is_an_id_is_that_person(client: FlaskClient) -> None:
    for name, photo, code in ((BEN, BLUE, 800), (ANN, DARK_RED, 850)):
        body = client.post("/deepface/register", json={"img": text(photo), "img_name": name}).get_json()
        assert (body["id"], body["code"]) == (name, code)
    ((match, *_),) = client.post("/deepface/search", json={"img": text(RED)}).get_json()["results"]
    assert (match["id"], match["img_name"]) == (ANN, "Ann van Dyck")


def test_without_a_name_one_is_made(client: FlaskClient) -> None:
    body = client.post("/deepface/register", json={"img": text(BLUE)}).get_json()
    assert re.fullmatch(r"[0-9a-f-]{36}", body["img_name"])


def test_a_second_photo_of_a_name_has_to_show_the_same_person(world: World, client: FlaskClient) -> None:
    def registered(photo: Colour) -> TestResponse:
        return client.post("/deepface/register", json={"img": text(photo), "img_name": "Ben"})

    first, again = registered(BLUE).get_json(), registered((12, 12, 190)).get_json()
    assert (again["id"], again["code"]) == (first["id"], 850)
    assert refused(registered(GREEN))[:2] == (400, 852)
    assert [(one.action, one.person_id, one.code) for one in world.audit.events][-1] == ("enrol", first["id"], 852)


def test_a_face_of_somebody_else_is_reported_or_refused(world: World, client: FlaskClient) -> None:
    sent = {"img": text(DARK_RED), "img_name": "Ann"}
    assert client.post("/deepface/register", json=sent).get_json()["possible_duplicates"] == [ANN]
    world.policy.duplicate_policy = "refuse"
    assert refused(client.post("/deepface/register", json={**sent, "img_name": "Annie"}))[:2] == (400, 853)
    assert [name for _, name in world.services.subjects.all()] == ["Ann"]


@pytest.mark.parametrize(
    ("policy", "anti_spoofing", "status"),
    [("off", False, 200), ("warn", False, 200), ("refuse", False, 400), ("off", True, 400), ("warn", True, 400)],
)
def test_anti_spoofing_can_only_make_registering_stricter(
    world: World, client: FlaskClient, policy: str, anti_spoofing: bool, status: int
) -> None:
    world.policy.enrol_liveness, world.state_of = policy, lambda _: Liveness.SPOOF
    for name in ("Ben", BEN):
        sent = {"img": text(BLUE), "img_name": name, "anti_spoofing": anti_spoofing}
        reply = client.post("/deepface/register", json=sent)
        assert reply.status_code == status
        assert bool(reply.get_json().get("warnings")) is (policy == "warn" and status == 200)


@pytest.mark.parametrize(
    ("fields", "status", "code", "field"),
    [
        ({"img": text(BLACK)}, 400, 630, "img"),
        ({"img": "/etc/passwd"}, 400, 193, "img"),
        ({"img_name": "a\x00b"}, 400, 128, "img_name"),
        ({"img_name": " " * 3}, 400, 128, "img_name"),
        ({"img_name": 7}, 400, 422, "img_name"),
    ],
)
def test_what_cannot_be_registered_is_refused_and_leaves_nobody(
    world: World, client: FlaskClient, fields: dict[str, Any], status: int, code: int, field: str
) -> None:
    sent = {"img": text(BLUE), "img_name": "Ben", **fields}
    assert refused(client.post("/deepface/register", json=sent)) == (status, code, field)
    assert list(world.services.subjects.all()) == []


def test_a_poor_photo_is_told_why(client: FlaskClient, world: World) -> None:
    world.policy.score_tol = 9.9
    reply = client.post("/deepface/register", json={"img": text(BLUE), "img_name": "Ben"})
    assert refused(reply) == (400, 120, "img")
    assert len(reply.get_json()["error"]) > 80


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", metrics_of("cosine"))
def test_a_metric_changes_the_numbers_and_not_the_verdict(client: FlaskClient, metric: str) -> None:
    for other, expected in ((DARK_RED, True), (BLUE, False)):
        sent = {"img1": text(RED), "img2": text(other), "distance_metric": metric}
        body = client.post("/deepface/verify", json=sent).get_json()
        assert (body["verified"], body["similarity_metric"]) == (expected, metric)
        assert (body["distance"] <= body["threshold"]) is expected


def test_the_named_model_decides_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    services = World.services.fget  # type: ignore[attr-defined]

    def two_models(self: World) -> Any:
        from dataclasses import replace

        found = services(self)
        embedders = {**found.embedders, "Other": found.embedders["Colour"]}
        return replace(found, embedders=embedders, alone={"Colour": ColourScorer(threshold=1.5)})

    monkeypatch.setattr(World, "services", property(two_models))
    client, sent = client_for(world), {"img1": text(RED), "img2": text(BLUE)}
    together = client.post("/deepface/verify", json=sent).get_json()
    alone = client.post("/deepface/verify", json={**sent, "model_name": "Colour"}).get_json()
    assert (together["model"], together["verified"]) == ("Colour+Other", False)
    assert (alone["model"], alone["verified"], alone["threshold"]) == ("Colour", True, 1.5)
    named = client.post("/deepface/verify", json={**sent, "model_name": "Colour+Other"}).get_json()
    assert named["model"] == "Colour+Other"
    other = client.post("/deepface/verify", json={**sent, "model_name": "Other"})
    assert refused(other) == (400, 422, "model_name")


def test_null_is_what_was_not_sent(client: FlaskClient) -> None:
    sent = {"img": text(RED), "max_faces": None, "model_name": None, "anti_spoofing": None}
    assert client.post("/deepface/represent", json=sent).status_code == 200


def test_without_enforcing_detection_a_photo_without_a_face_has_no_results(client: FlaskClient) -> None:
    for path in ("represent", "analyze", "search"):
        sent = {"img": text(BLACK), "enforce_detection": False}
        assert client.post(f"/deepface/{path}", json=sent).get_json() == {"results": []}
        assert refused(client.post(f"/deepface/{path}", json={"img": text(BLACK)})) == (400, 630, "img")
    pair = {"img1": text(RED), "img2": text(BLACK), "enforce_detection": False}
    assert refused(client.post("/deepface/verify", json=pair)) == (400, 630, "img2")


def test_a_similarity_search_lists_people_beyond_the_threshold(world: World, client: FlaskClient) -> None:
    world.known(BEN, (10, 200, 10))
    sent = {"img": text(BLUE), "similarity_search": "True"}
    ((first, second),) = client.post("/deepface/search", json=sent).get_json()["results"]
    assert (first["verified"], second["verified"], first["distance"] <= second["distance"]) == (False, False, True)
    assert client.post("/deepface/search", json={"img": text(BLUE)}).get_json() == {"results": [[]]}
    assert len(client.post("/deepface/search", json={**sent, "k": 1}).get_json()["results"][0]) == 1


@pytest.mark.parametrize(("state", "code"), [(Liveness.SPOOF, 560), (Liveness.UNCERTAIN, 561)])
def test_anti_spoofing_asks_for_live_faces_in_every_photo(
    world: World, client: FlaskClient, state: Liveness, code: int
) -> None:
    def only_the_second(face: Face) -> Liveness:
        return state if face.photo.name.startswith("img2") or face.photo.name == "img_1" else Liveness.LIVE

    world.state_of = only_the_second
    pair = {"img1": text(RED), "img2": text(DARK_RED)}
    assert client.post("/deepface/verify", data={**pair, "anti_spoofing": "false"}).get_json()["verified"] is True
    assert refused(client.post("/deepface/verify", data={**pair, "anti_spoofing": "true"})) == (400, code, "img2")
    for path in ("represent", "analyze", "search"):
        assert client.post(f"/deepface/{path}", json={"img": text(RED), "anti_spoofing": False}).status_code == 200
        reply = client.post(f"/deepface/{path}", json={"img": text(RED), "anti_spoofing": True})
        assert refused(reply)[:2] == (400, code)


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("img", "code"),
    [
        ("https://example.com/a.jpg", 193),
        ("file:///etc/passwd", 193),
        ("/etc/passwd", 120),
        ("../photos/a.jpg", 193),
        ("photo.jpg", 193),
        ("C:\\photos\\a.jpg", 193),
        ("a%%%", 193),
        ("data:image/png;base64,%%%", 193),
        ([0.1, 0.2], 117),
        (None, 117),
        ("", 193),
    ],
)
def test_what_is_no_photo_is_refused_and_nothing_is_read(client: FlaskClient, img: Any, code: int) -> None:
    reply = client.post("/deepface/verify", json={"img1": text(RED), "img2": img})
    assert refused(reply) == (400, code, "img2")
    assert reply.get_json()["exception"] == reply.get_json()["error"]
    for path in ("represent", "analyze", "search"):
        assert refused(client.post(f"/deepface/{path}", json={"img": img}))[:2] == (400, code)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/upload_imgs?id=ID-1", ["images"]), ("/verify-photo?id=ID-1", ["images"]), ("/search", ["images"]),
        ("/compare", ["a", "b"]), ("/detect", ["images"]), ("/embed", ["images"]), ("/recognition", ["file"]),
        ("/deepface/represent", ["img"]), ("/deepface/verify", ["img1", "img2"]),
    ],
)  # fmt: skip
def test_no_address_in_a_request_is_fetched_and_no_file_is_read(
    client: FlaskClient, tmp_path: Path, path: str, fields: list[str]
) -> None:
    photo = tmp_path / "a.photo.png"
    photo.write_bytes(photo_file(RED))
    with socket.create_server(("127.0.0.1", 0)) as asked:
        asked.setblocking(False)
        for img in (f"http://127.0.0.1:{asked.getsockname()[1]}/a.png", photo.as_uri(), str(photo)):
            reply = client.post(path, json=dict.fromkeys(fields, img))
            assert (code_of(reply), reply.status_code) == (193, 400), img
        with pytest.raises(BlockingIOError):
            asked.accept()


def test_an_address_or_a_path_gets_its_own_sentence(client: FlaskClient) -> None:
    for img in ("https://example.com/a.jpg", "/etc/passwd", "photo.jpg"):
        reply = client.post("/deepface/represent", json={"img": img})
        assert "neither addresses nor paths" in reply.get_json()["error"], img


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model_name": "VGG-Face"}, "model_name"),
        ({"model_name": "nothing"}, "model_name"),
        ({"model_name": 7}, "model_name"),
        ({"distance_metric": "euclidean"}, "distance_metric"),
        ({"distance_metric": "hamming"}, "distance_metric"),
        ({"anti_spoofing": "perhaps"}, "anti_spoofing"),
        ({"align": "yes"}, "align"),
        ({"enforce_detection": 2}, "enforce_detection"),
        ({"detector_backend": 7}, "detector_backend"),
    ],
)
def test_a_wrong_option_is_named(client: FlaskClient, fields: dict[str, Any], field: str) -> None:
    assert refused(client.post("/deepface/search", json={"img": text(RED), **fields})) == (400, 422, field)


def test_an_unknown_model_is_told_what_there_is_and_how_to_add_it(client: FlaskClient) -> None:
    said = client.post("/deepface/verify", json={"img1": text(RED), "img2": text(RED), "model_name": "VGG-Face"})
    assert "Loaded here: Colour." in said.get_json()["error"]
    assert "bin/fetch-models VGG-Face" in said.get_json()["error"]


@pytest.mark.parametrize(
    ("path", "fields", "field"),
    [
        ("represent", {"max_faces": 0}, "max_faces"),
        ("search", {"k": 51}, "k"),
        ("search", {"search_method": "best"}, "search_method"),
        ("analyze", {"actions": []}, "actions"),
        ("analyze", {"actions": "age,race"}, "actions"),
        ("analyze", {"actions": 7}, "actions"),
    ],
)
def test_a_number_or_a_word_beyond_its_bounds_is_named(
    client: FlaskClient, path: str, fields: dict[str, Any], field: str
) -> None:
    assert refused(client.post(f"/deepface/{path}", json={"img": text(RED), **fields})) == (400, 422, field)


def test_without_weights_analyze_says_where_they_go(world: World, client: FlaskClient) -> None:
    world.attributes.missing = True
    reply = client.post("/deepface/analyze", json={"img": text(RED)})
    assert refused(reply)[:2] == (503, 180)


def test_errors_of_the_request_itself_are_in_the_form_too(client: FlaskClient) -> None:
    assert refused(client.get("/deepface/verify")) == (405, 405, None)
    assert refused(client.post("/deepface/nothing")) == (404, 404, None)
    assert refused(client.post("/deepface/verify", data="{", content_type="application/json")) == (400, 118, None)
    assert refused(client.post("/deepface/verify", json={"img1": text(RED)})) == (400, 117, "img2")
    twice = {"img": [as_file(RED), as_file(RED)]}
    assert refused(client.post("/deepface/represent", data=twice)) == (400, 117, "img")


@pytest.mark.parametrize(
    ("path", "scope"),
    [("verify", "verify"), ("represent", "search"), ("analyze", "search"), ("search", "search"),
     ("build/index", "search"), ("register", "enrol")],
)  # fmt: skip
def test_a_key_needs_the_scope(world: World, path: str, scope: str) -> None:
    (right, one), (wrong, other) = new_key("a", {scope}, 0, None), new_key("b", {"upload"}, 0, None)
    client = client_for(world, load=lambda: KeySet([one, other]))
    sent = {"img": text(RED), "img1": text(RED), "img2": text(RED)}

    def asked(key: str) -> TestResponse:
        return client.post(f"/deepface/{path}", json=sent, headers={"Authorization": f"Bearer {key}"} if key else {})

    assert (asked(right).status_code, refused(asked(wrong))[:2], refused(asked(""))[:2]) == (
        200,
        (403, 403),
        (401, 401),
    )
    assert "message" in asked("").get_json()
    assert client.get("/deepface/").status_code == 200


def test_a_comparison_and_a_search_are_audited(world: World, client: FlaskClient) -> None:
    client.post("/deepface/verify", json={"img1": text(RED), "img2": text(BLUE)})
    client.post("/deepface/search", json={"img": text(RED)})
    assert [(one.action, one.code) for one in world.audit.events] == [("compare", 510), ("search", 101)]


# -- real models -------------------------------------------------------------------------------------------------------


@pytest.mark.models
def test_real_photos_with_real_models(make_site: Callable[..., Site], astronaut: bytes, grace_hopper: bytes) -> None:
    site = make_site(SELECTED_MODELS="Dlib,SFace")
    site.enrolled(astronaut, new_photo(astronaut, 2))
    again = new_photo(astronaut)

    def asked(path: str, **sent: Any) -> TestResponse:
        return site.client.post(f"/deepface/{path}", json=sent)

    for model, name in ((None, "Dlib+SFace"), ("Dlib", "Dlib"), ("SFace", "SFace")):
        same = asked("verify", img1=text(astronaut), img2=text(again), model_name=model).get_json()
        other = asked("verify", img1=text(astronaut), img2=text(grace_hopper), model_name=model).get_json()
        assert (same["verified"], other["verified"], same["model"]) == (True, False, name)
        assert 0 < same["distance"] <= same["threshold"] < other["distance"] < 2
        assert same["fmr_at_score"] < 1e-4 < other["fmr_at_score"]
        ((match,),) = asked("search", img=text(again), model_name=model).get_json()["results"]
        assert (match["id"], match["model_name"]) == ("RECO_ID_000023", name)
    (face,) = asked("represent", img=text(astronaut), model_name="SFace").get_json()["results"]
    assert (len(face["embedding"]), face["facial_area"]["left_eye"][0] > face["facial_area"]["right_eye"][0]) == (
        128, True,
    )  # fmt: skip
    assert asked("search", img=text(grace_hopper)).get_json() == {"results": [[]]}
    grace = asked("register", img=text(grace_hopper), img_name="Grace Hopper").get_json()
    ((match,),) = asked("search", img=text(new_photo(grace_hopper))).get_json()["results"]
    assert (match["id"], match["img_name"], grace["inserted"]) == (grace["id"], "Grace Hopper", 1)
    assert site.client.delete(f"/people/{grace['id']}").status_code == 200
    assert asked("search", img=text(grace_hopper)).get_json() == {"results": [[]]}
    two = parallel_map([astronaut, grace_hopper])
    assert refused(asked("verify", img1=text(two), img2=text(astronaut))) == (400, 152, "img1")
    assert len(asked("represent", img=text(two)).get_json()["results"]) == 2
    assert len(asked("represent", img=text(two), max_faces=1).get_json()["results"]) == 1
    assert refused(asked("represent", img=text(blank()))) == (400, 630, "img")
    missing = asked("analyze", img=text(astronaut), actions=["emotion"])
    assert refused(missing)[:2] == (503, 180)
    assert "facial_expression_model_weights.h5" in missing.get_json()["error"]


@pytest.mark.models
def test_with_weights_a_photo_is_analysed(
    make_site: Callable[..., Site],
    models: LoadedModels,
    tmp_path: Path,
    astronaut: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random_client("emotion", tmp_path)
    monkeypatch.setattr(models, "attributes", models_in(tmp_path))
    sent = {"img": text(astronaut), "actions": ["emotion"]}
    (face,) = make_site().client.post("/deepface/analyze", json=sent).get_json()["results"]
    assert face["dominant_emotion"] == max(face["emotion"], key=lambda name: face["emotion"][name])
    assert sum(face["emotion"].values()) == pytest.approx(100, abs=0.1)
