"""What operators see without looking at the database: metrics, codes with counts, the log in JSON."""

from __future__ import annotations

import json
import logging

import pytest

from api.logs import REQUEST_ID, JsonFormatter
from api.telemetry import EXTENSION, Telemetry
from codes_dict import Code
from pipeline.pseudonym import pseudonym
from security.callers import Rules
from security.keys import KeySet, new_key
from tests.http.front import FORM, front
from tests.http.site import code, results

ADMIN, VERIFY = (new_key("a test", [scope], 0, None) for scope in ("admin", "verify"))
KEYS = KeySet([ADMIN[1], VERIFY[1]])


def test_metrics_are_for_admins_unless_they_are_open() -> None:
    closed, opened = front(load=lambda: KEYS), front(Rules(metrics_open=True), load=lambda: KEYS)
    assert [closed.get("/metrics", headers=one).status_code for one in ({}, {"X-API-Key": VERIFY[0]})] == [401, 403]
    reply = closed.get("/metrics", headers={"X-API-Key": ADMIN[0]})
    assert (reply.status_code, reply.mimetype) == (200, "text/plain")
    assert opened.get("/metrics").status_code == 200
    assert code(opened.post("/metrics")) == 401


def test_metrics_count_by_route_and_code() -> None:
    client = front()
    client.post("/verify", data=FORM)
    client.get("/no/such/route")
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    assert 'faceapp_requests_total{code="176",endpoint="/verify"} 1.0' in lines
    assert 'faceapp_requests_total{code="404",endpoint="unknown route"} 1.0' in lines
    assert any(line.startswith('faceapp_request_seconds_count{endpoint="/verify"}') for line in lines)


def test_a_code_says_how_often_it_came_today_to_operators_alone() -> None:
    client = front()
    client.post("/verify", data=FORM)
    client.post("/verify", data=FORM)
    found = results(client.get("/codes/176"))
    assert (found["today"], found["cause"]) == (2, Code.BAD_ENV.cause)
    assert found["cause"] != found["message"]
    assert results(client.get("/codes/630"))["today"] == 0
    assert "today" not in results(front(load=lambda: KEYS).get("/codes/176"))


def test_a_request_is_kept_with_its_person_as_a_pseudonym() -> None:
    client = front(load=lambda: KEYS)
    client.post(
        "/verify", data={**FORM, "upload_id": "ID-7-0"}, headers={"X-API-Key": VERIFY[0], "X-Request-ID": "asked"}
    )
    telemetry = client.application.extensions[EXTENSION]
    assert isinstance(telemetry, Telemetry)
    (seen,) = telemetry.recent.find("asked")
    assert (seen.code, seen.endpoint, seen.key_id) == (176, "/verify", VERIFY[1].key_id)
    assert seen.person == pseudonym("ID-7")


@pytest.mark.parametrize("upload_id", ["", "x", "\udcff-1", "é-1"])
def test_what_cannot_be_an_id_is_nobody(upload_id: str) -> None:
    client = front()
    assert code(client.post("/verify", data={**FORM, "upload_id": upload_id.encode("utf-8", "surrogateescape")})) == 176
    (seen,) = client.application.extensions[EXTENSION].recent
    assert seen.person == ""


def test_a_line_of_the_json_log_is_one_object() -> None:
    record = logging.LogRecord("api.errors", logging.WARNING, "", 1, "two\nlines %s", ("é",), None)
    token = REQUEST_ID.set("asked")
    line = JsonFormatter().format(record)
    REQUEST_ID.reset(token)
    assert "\n" not in line
    entry = json.loads(line)
    assert (entry["message"], entry["level"], entry["request_id"]) == ("two\nlines é", "WARNING", "asked")
