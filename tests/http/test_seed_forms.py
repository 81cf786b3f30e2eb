"""FaceHash and the ArcFace service over HTTP, in their own forms, as their documents write the calls."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from api.source import Source
from codes_dict import Code
from faceapp import create_app
from pipeline.flows import Services
from pipeline.types import Liveness
from security.callers import Rules
from security.keys import KeySet, new_key
from tests.flows.world import ANN, BLACK, BLUE, RED, Colour, World, photo_file
from tests.http import documented
from tests.http.front import FrontSource

KEY = "API_KEY_TEST_1"
ERROR = {"responseType", "errorDescription", "code"}


class WorldSource(FrontSource):
    """A source whose services are a world's."""

    def __init__(self, world: World, **front: Any) -> None:
        super().__init__(**front)
        self._world = world

    def lease(self) -> AbstractContextManager[Services]:
        """Lend the world's services."""

        @contextmanager
        def lent() -> Iterator[Services]:
            yield self._world.services

        return lent()


def client_of(world: World, **front: Any) -> FlaskClient:
    return documented.client_of(create_app(cast(Source, WorldSource(world, **front))))


@pytest.fixture
def world() -> World:
    one = World()
    one.known(ANN, RED)
    return one


@pytest.fixture
def client(world: World) -> FlaskClient:
    return client_of(world)


def text(colour: Colour, head: str = "") -> str:
    return head + base64.b64encode(photo_file(colour)).decode()


def lesson(colour: Colour = RED, count: int = 10, **changes: Any) -> dict[str, Any]:
    return {"API_KEY": KEY, "username": "ada", "images": [text(colour)] * count, **changes}


# -- FaceHash ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/train", "/train/"])
def test_training_and_recognising_by_json(client: FlaskClient, path: str) -> None:
    reply = client.post(path, json=lesson())
    assert (reply.status_code, reply.get_json()) == (
        200,
        {"responseType": "SUCCESS", "successDescription": "Model trained successfully."},
    )
    for where in ("/recognize/", "/recognize"):
        asked = {"API_KEY": KEY, "username": "ada", "image": text(RED, "data:image/png;base64,")}
        found = client.post(where, json=asked).get_json()
        assert set(found) == {"responseType", "successDescription", "detectionTime", "confidencePercentage"}
        assert (found["responseType"], found["successDescription"]) == ("SUCCESS", "Face recognized successfully.")
        assert 0.5 < found["confidencePercentage"] <= 1.0


def test_training_and_recognising_by_forms(client: FlaskClient) -> None:
    form = {"API_KEY": KEY, "userName": "Ада", "images": [text(RED)] * 10}
    assert client.post("/train", data=form).get_json()["responseType"] == "SUCCESS"
    asked = {"API_KEY": KEY, "userName": "Ада", "picture": text(RED)}
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        assert client.post("/recognize/", data=asked, content_type=kind).get_json()["responseType"] == "SUCCESS"


@pytest.mark.parametrize(
    ("colour", "expected"), [(BLUE, "Face not recognized."), (BLACK, "Face not detected.")], ids=["other", "none"]
)
def test_a_failed_recognition(client: FlaskClient, colour: Colour, expected: str) -> None:
    client.post("/train", json=lesson())
    reply = client.post("/recognize/", json={"API_KEY": KEY, "username": "ada", "image": text(colour)})
    assert (reply.status_code, reply.get_json()) == (
        200,
        {"responseType": "FAILURE", "successDescription": expected},
    )


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"API_KEY": "../../etc/passwd"}, 401, 401, "API_KEY"),
        ({"API_KEY": None}, 401, 401, "API_KEY"),
        ({"API_KEY": 7}, 401, 401, "API_KEY"),
        ({"username": "nobody"}, 422, 422, "username"),
        ({"username": None}, 422, 422, "username"),
        ({"image": "%%%"}, 400, 193, "image"),
        ({"username": "a\nb"}, 400, 128, "username"),
        ({"image": "Tm90IGEgcGhvdG8u"}, 200, 120, "image"),
        ({"image": None}, 400, 117, "image"),
        ({"image": []}, 400, 117, "image"),
        ({"live": "perhaps"}, 422, 422, "live"),
    ],
    ids=[
        *("path as key", "no key", "number as key", "unknown user", "no user", "broken base64", "control character"),
        *("no photo", "no image", "an empty list", "neither true nor false"),
    ],
)
def test_what_is_wrong_with_a_recognition_is_an_error(
    client: FlaskClient, changes: dict[str, Any], status: int, code: int, field: str
) -> None:
    reply = client.post("/recognize/", json={"API_KEY": KEY, "username": "ada", "image": text(RED), **changes})
    found = reply.get_json()
    assert (reply.status_code, found["code"], found["field"]) == (status, code, field)
    assert (set(found) - {"field"}, found["responseType"]) == (ERROR, "ERROR")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"images": [text(RED)] * 101}, 413),
        ({"images": [text(RED)] * 9}, 422),
        ({"images": ["%%%"] * 10}, 193),
        ({"images": [text(RED)] * 5 + [text(BLUE)] * 5}, 852),
        ({"images": [text(RED)] * 6 + [text(BLUE)] * 4}, 852),
    ],
    ids=["101 images", "9 images", "broken base64", "two people", "two people, one of them more often"],
)
def test_what_is_wrong_with_a_training_is_an_error(client: FlaskClient, changes: dict[str, Any], code: int) -> None:
    assert client.post("/train", json=lesson(**changes)).get_json()["code"] == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"images": [text(RED)] * 9}, 422), ({"images": ["%%%"] * 10}, 193), ({"username": "a\nb"}, 128)],
    ids=["9 images", "broken base64", "control character"],
)
def test_what_needs_no_look_at_the_photos_is_refused_before_a_job_begins(
    client: FlaskClient, changes: dict[str, Any], code: int
) -> None:
    assert client.post("/train?async=true", json=lesson(**changes)).get_json()["code"] == code


def test_with_live_only_a_live_face_is_recognised(world: World, client: FlaskClient) -> None:
    client.post("/train", json=lesson())
    asked = {"API_KEY": KEY, "username": "ada", "image": text(RED)}
    assert client.post("/recognize/", json={**asked, "live": True}).get_json()["responseType"] == "SUCCESS"
    for state in (Liveness.SPOOF, Liveness.UNCERTAIN):
        world.state_of = lambda _, state=state: state  # type: ignore[misc]
        found = client.post("/recognize/", data={**asked, "live": "true"}).get_json()
        assert found == {"responseType": "FAILURE", "successDescription": "Face not live."}
    assert client.post("/recognize/", json=asked).get_json()["responseType"] == "SUCCESS"
    world.liveness_fault = Code.NO_LIVENESS
    assert client.post("/recognize/", json={**asked, "live": True}).get_json()["code"] == 178


def test_a_user_who_failed_too_often_waits_and_an_operator_lifts_it(world: World) -> None:
    client = client_of(world, rules=Rules(failed_verify_limit="2/3 minutes"))
    for user in ("zo\u00eb/1", "ben"):
        client.post("/train", json=lesson(username=user))

    def asked(user: str, colour: Colour) -> Any:
        return client.post("/recognize/", json={"API_KEY": KEY, "username": user, "image": text(colour)}).get_json()

    answers = [asked(name, BLUE) for name in ("zo\u00eb/1", "zoe\u0308/1", "zo\u00eb/1")]
    assert [one.get("code") for one in answers] == [None, None, 429]
    assert 1 <= answers[2]["retry_after"] <= 30
    assert asked("zo\u00eb/1", RED)["code"] == 429
    assert asked("ben", RED)["responseType"] == "SUCCESS"
    assert client.delete(f"/limits/{KEY}:zo\u00eb/1").get_json()["code"] == 101
    assert (world.audit.events[-1].person_id, world.audit.events[-1].about) == ("", {"facehash_key": KEY})
    assert asked("zo\u00eb/1", RED)["responseType"] == "SUCCESS"


def test_two_photos_to_recognise_are_too_many(client: FlaskClient) -> None:
    asked = {"API_KEY": KEY, "username": "ada", "image": [text(RED)] * 2}
    assert client.post("/recognize/", json=asked).get_json()["code"] == 413


def test_base64_as_python_prints_bytes_is_read(client: FlaskClient) -> None:
    """The document says to convert the base64 bytes to a string; `str` does that, too."""
    printed = str(base64.b64encode(photo_file(RED)))
    assert client.post("/train", json=lesson(images=[printed] * 10)).get_json()["responseType"] == "SUCCESS"
    asked = {"API_KEY": KEY, "username": "ada", "image": f"{printed}\n"}
    assert client.post("/recognize/", data=asked).get_json()["responseType"] == "SUCCESS"
    assert client.post("/recognize/", json={**asked, "image": printed[:-1]}).get_json()["code"] == 193


def test_a_damaged_jpeg_is_not_taken_for_a_path(client: FlaskClient) -> None:
    client.post("/train", json=lesson())
    asked = {"API_KEY": KEY, "username": "ada", "image": "/9j/4AAQSkZJRgABAQAAAQABAA%"}
    assert "damaged" in client.post("/recognize/", json=asked).get_json()["errorDescription"]
    assert "path" in client.post("/recognize/", json={**asked, "image": "/9.jpg"}).get_json()["errorDescription"]


def test_images_without_faces_are_a_failure(client: FlaskClient) -> None:
    reply = client.post("/train", json=lesson(BLACK)).get_json()
    assert reply == {"responseType": "FAILURE", "successDescription": "Face not detected."}


def test_a_training_can_be_polled(client: FlaskClient) -> None:
    reply = client.post("/train?async=true", json=lesson())
    started = reply.get_json()
    assert (reply.status_code, started["responseType"]) == (202, "SUCCESS")
    client.application.extensions["faceapp.jobs"].find(started["job"], "").wait()
    found = client.get(started["poll"]).get_json()["results"]
    assert (found["state"], found["progress"], found["result"]["code"]) == ("done", 1.0, 101)
    assert found["result"]["results"]["faces"] == 10
    assert client.post("/train?async=perhaps", json=lesson()).get_json()["code"] == 422


def test_while_a_key_is_trained_the_old_model_answers_and_a_second_training_is_409(
    world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/train", json=lesson())
    begun, go_on, train = threading.Event(), threading.Event(), world.classifiers.train

    def slowly(*arguments: Any) -> Any:
        begun.set()
        go_on.wait(30)
        return train(*arguments)

    monkeypatch.setattr(world.classifiers, "train", slowly)
    started = client.post("/train?async=true", json=lesson(BLUE, username="ben")).get_json()
    assert begun.wait(30)
    assert client.get(started["poll"]).get_json()["results"]["state"] == "running"

    def asked(user: str, colour: Colour) -> Any:
        return client.post("/recognize/", json={"API_KEY": KEY, "username": user, "image": text(colour)}).get_json()

    assert (asked("ada", RED)["responseType"], asked("ben", BLUE)["code"]) == ("SUCCESS", 422)
    second = client.post("/train", json=lesson()).get_json()
    assert (second["responseType"], second["code"]) == ("ERROR", 409)
    go_on.set()
    client.application.extensions["faceapp.jobs"].find(started["job"], "").wait()
    assert (asked("ada", RED)["responseType"], asked("ben", BLUE)["responseType"]) == ("SUCCESS", "SUCCESS")


def test_other_errors_are_in_the_form_too(client: FlaskClient) -> None:
    assert client.get("/train").get_json()["code"] == 405
    assert client.post("/train", data="x", content_type="text/plain").get_json()["code"] == 401
    assert client.post("/train", data="{", content_type="application/json").get_json()["code"] == 118


@pytest.mark.parametrize(
    ("content_type", "hint"),
    [
        ("application/x-www-form-urlencoded", "The body looks like JSON: send it with Content-Type: application/json."),
        ("text/plain", "The body was not read: Content-Type must be application/json, "),
    ],
)
def test_json_under_another_content_type_is_called_that(client: FlaskClient, content_type: str, hint: str) -> None:
    for path, body in (("/train", lesson()), ("/recognition", {"file": text(RED)})):
        reply = client.post(path, data=json.dumps(body), content_type=content_type).get_json()
        assert hint in reply.get("errorDescription", reply.get("error"))


def test_with_keys_the_header_decides_and_api_key_names_the_same_key(world: World) -> None:
    (one, first), (two, second) = (new_key(label, {"facehash"}, 0, None) for label in ("a", "b"))
    wrong, third = new_key("c", {"verify"}, 0, None)
    client = client_of(world, rules=Rules(), load=lambda: KeySet([first, second, third]))

    def asked(header: str, **changes: Any) -> int:
        headers = {"X-API-Key": header} if header else {}
        reply = client.post("/train", json=lesson(**changes), headers=headers).get_json()
        return int(reply.get("code", 0))

    assert asked("", API_KEY=one) == 401
    assert asked(wrong, API_KEY=wrong) == 403
    assert asked(one, API_KEY=two) == 401
    assert asked(one, API_KEY=KEY) == 401
    assert (asked(one, API_KEY=one), asked(two, API_KEY=None)) == (0, 0)
    assert set(world.classifiers.homes) == {first.key_id, second.key_id}


# -- the ArcFace service -----------------------------------------------------------------------------------------------


def test_a_photo_is_answered_with_the_name(client: FlaskClient) -> None:
    assert client.post("/recognition", json={"file": text(RED)}).get_json() == {"result": "Ann van Dyck"}
    assert client.post("/recognition", json={"file": text(BLUE)}).get_json() == {"result": "Unknown"}


def test_all_lists_every_face(client: FlaskClient) -> None:
    found = client.post("/recognition?all=true", json={"file": text(RED)}).get_json()
    assert (found["result"], len(found["faces"])) == ("Ann van Dyck", 1)
    assert set(found["faces"][0]) == {"box", "name", "id", "distance", "false_positive_rate"}


def test_get_says_how_it_is_called(client: FlaskClient) -> None:
    assert "base64" in client.get("/recognition").get_json()["result"]


@pytest.mark.parametrize(
    ("body", "code"),
    [({"file": "%%%"}, 193), ({}, 117), ({"photo": "x"}, 117), ({"file": text(BLACK)}, 630)],
    ids=["broken base64", "nothing", "another field", "no face"],
)
def test_errors_are_in_its_keys_with_a_code(client: FlaskClient, body: dict[str, Any], code: int) -> None:
    found = client.post("/recognition", json=body).get_json()
    assert (found["result"], found["code"]) == ("error during prediction", code)
    assert set(found) == {"result", "error", "code"}


def test_what_is_no_photo_is_named(client: FlaskClient) -> None:
    found = client.post("/recognition", json={"file": "Tm90IGEgcGhvdG8u"}).get_json()
    assert (found["code"], "A text is not a photo" in found["error"]) == (120, True)


def test_a_key_without_the_scope_may_not_search(world: World) -> None:
    key, record = new_key("a", {"facehash"}, 0, None)
    client = client_of(world, load=lambda: KeySet([record]))
    reply = client.post("/recognition", json={"file": text(RED)}, headers={"X-API-Key": key})
    assert (reply.status_code, reply.get_json()["code"]) == (403, 403)
