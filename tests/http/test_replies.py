"""What every reply has: its keys, its request id, one line in the log, and no more than its caller may see."""

from __future__ import annotations

import json
import re
from contextlib import AbstractContextManager
from typing import cast

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.envelope import without_scores
from api.source import Source
from codes_dict import Code
from faceapp import create_app
from pipeline.flows import Services
from security.callers import Caller
from tests.http.documented import client_of
from tests.http.front import FrontSource
from tests.http.site import ID, OTHER_ID, Site, code, results, variant


class BrokenSource(FrontSource):
    """A source whose services fail unexpectedly."""

    def lease(self) -> AbstractContextManager[Services]:
        """Fail."""
        raise RuntimeError("a secret /home/path")


@pytest.fixture
def broken() -> FlaskClient:
    return client_of(create_app(cast(Source, BrokenSource())))


def verify(client: FlaskClient) -> TestResponse:
    form = {"upload_id": "x", "skip_verify": "false", "skip_db_search": "false", "skip_liveness": "false"}
    return client.post("/verify", data=form)


def test_what_nobody_foresaw_is_599_and_tells_the_caller_nothing(broken: FlaskClient) -> None:
    reply = verify(broken)
    assert (code(reply), reply.status_code) == (599, 500)
    assert "secret" not in reply.get_data(as_text=True)
    assert results(reply)["retry"] is True


def test_a_server_that_is_not_ready_is_busy(broken: FlaskClient) -> None:
    reply = broken.get("/health/ready")
    assert (code(reply), reply.status_code, reply.headers["Retry-After"]) == (503, 503, "2")
    assert results(reply) == {
        "ready": False, "reasons": {"models": 503}, "advice": Code.BUSY.caller_does, "retry": True,
    }  # fmt: skip
    stranger = broken.get("/health/ready", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert (code(stranger), "reasons" in results(stranger)) == (503, False)
    assert code(broken.get("/health")) == 101


def test_the_catalogue_is_served(broken: FlaskClient) -> None:
    reply = broken.get("/codes")
    assert set(results(reply)) == {str(int(one)) for one in Code}
    one = results(broken.get("/codes/630"))
    assert (one["number"], one["message"]) == (630, "Could not detect a face in any of the images.")
    assert code(broken.get("/codes/631")) == 404


def test_a_request_keeps_its_id_and_gets_one_where_it_has_none_or_a_bad_one(broken: FlaskClient) -> None:
    assert broken.get("/health", headers={"X-Request-ID": "a.B-7_"}).headers["X-Request-ID"] == "a.B-7_"
    for bad in ("", "a b", "x" * 65, "ä"):
        made = broken.get("/health", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
        assert re.fullmatch(r"[0-9a-f]{32}", made)


@pytest.mark.parametrize(
    ("method", "path", "number"),
    [
        ("GET", "/nothing", 404), ("GET", "/health//ready", 404), ("GET", "/codes/", 404), ("GET", "/%ff%00%zz", 404),
        ("OPTIONS", "/health", 405), ("TRACE", "/", 405), ("PROPFIND", "/codes", 405),
        ("GET", "/liveness/challenge", 405),
    ],
)  # fmt: skip
def test_whatever_is_asked_for_is_answered_in_the_envelope(
    broken: FlaskClient, method: str, path: str, number: int
) -> None:
    reply = broken.open(path, method=method)
    assert set(reply.get_json()) == {"code", "message", "results", "system_errors"}
    assert (code(reply), set(results(reply))) == (number, {"advice", "retry"})
    assert reply.headers["X-Request-ID"]


@pytest.mark.models
def test_a_request_is_one_line_in_the_log(site: Site, astronaut: bytes) -> None:
    site.upload(astronaut)
    site.client.get("/health", headers={"X-Request-ID": "night-1"})
    line = site.log().splitlines()[-1]
    kind, date, request_id, message = line.split(" --- ")
    assert (kind, request_id) == ("INFO", "night-1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", date)
    assert re.fullmatch(r"GET ops.health: code 101 in \d+ ms \(no stages\)", message)


@pytest.mark.models
def test_no_secret_photo_or_embedding_reaches_the_log(site: Site, astronaut: bytes) -> None:
    site.enrolled(astronaut)
    site.verify(site.uploaded(variant(astronaut)))
    name = r"\bada(?![0-9a-f])"  # hex digits of a drawn ID may spell it
    secrets = rf"Of-th1s-test-alone|{name}|\[[-0-9., ]{{40}}|photo 0|0\.\d{{6}}"
    assert not re.search(secrets, site.log(), re.IGNORECASE)


@pytest.mark.models
def test_who_may_only_verify_sees_no_scores_of_a_failure(
    site: Site, astronaut: bytes, grace_hopper: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.enrolled(astronaut, person_id=ID)
    site.enrolled(grace_hopper, person_id=OTHER_ID)
    upload_id = site.uploaded(variant(grace_hopper))
    near = results(site.verify(upload_id))
    assert any(row["items"] for row in near["stages"])
    monkeypatch.setattr("api.access._identified", lambda *_: Caller(frozenset({"verify"})))
    far = site.verify(upload_id)
    assert code(far) == 100
    assert {frozenset(row) for row in results(far)["stages"]} == {
        frozenset(("name", "in", "out", "code", "milliseconds", "advice"))
    }


@pytest.mark.models
def test_a_reply_to_anybody_names_no_candidate(site: Site, astronaut: bytes, grace_hopper: bytes) -> None:
    site.enrolled(astronaut, person_id=ID)
    site.enrolled(grace_hopper, person_id=OTHER_ID, name="Grace Hopper")
    told = results(site.verify(site.uploaded(variant(grace_hopper))))
    assert OTHER_ID in json.dumps(told["stages"])  # for whoever runs the server
    as_others_see_it = json.dumps(without_scores(told))
    assert OTHER_ID not in as_others_see_it
    assert "race" not in as_others_see_it
