"""Every endpoint against every scope, no key, a wrong, a revoked and an expired one; and what a key opens inside."""

from __future__ import annotations

import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.access import refusal_of
from api.head import Head
from codes_dict import Code, Refusal
from security.callers import SCOPES, Caller, Rules
from security.keyring import Keyring
from security.keys import KeyRecord, KeySet, digest_of, new_key
from tests.http.front import FORM, FrontSource, front
from tests.http.site import code, results

OPENED_BY = {
    "upload": "POST /upload_imgs, POST /upload_imgs/, POST /liveness/challenge",
    "enrol": """POST /upload_db, PATCH /people/a, POST /people/a/faces, POST /people/a/faces/a/move,
        POST /deepface/register, POST /api/person/create, PATCH /api/person/update/a,
        POST /api/person/update/a, PUT /api/person/update/a,
        POST /api/face/create, PATCH /api/face/update/a, POST /api/face/update/a, PUT /api/face/update/a,
        POST /api/v1/recognition/faces, POST /api/v1/recognition/subjects, PUT /api/v1/recognition/subjects/a,
        PUT /api/v1/recognition/subjects/a/verify""",
    "verify": """POST /verify, POST /verify-photo, POST /compare, POST /deepface/verify,
        POST /api/v1/verification/verify, POST /api/v1/verification/embeddings/verify,
        POST /api/v1/recognition/faces/a/verify, POST /api/v1/recognition/embeddings/faces/a/verify""",
    "search": """POST /search, GET /recognition, POST /recognition, POST /api/verify/linear, POST /detect, POST /embed,
        POST /deepface/represent, POST /deepface/analyze, POST /deepface/search, POST /deepface/build/index,
        POST /api/v1/recognition/recognize, POST /api/v1/recognition/embeddings/recognize,
        POST /api/v1/detection/detect""",
    "people": """GET /people, GET /people/a, DELETE /people/a, GET /people/a/faces/a, DELETE /people/a/faces/a,
        GET /api/person/listall, DELETE /api/person/delete/a, POST /api/person/delete/a, GET /api/face/listall,
        GET /api/face/listbyperson/a, DELETE /api/face/delete/a, POST /api/face/delete/a,
        GET /api/v1/recognition/subjects, GET /api/v1/recognition/subjects/, DELETE /api/v1/recognition/subjects,
        DELETE /api/v1/recognition/subjects/a, GET /api/v1/recognition/faces, DELETE /api/v1/recognition/faces,
        DELETE /api/v1/recognition/faces/a, GET /api/v1/recognition/faces/a/img,
        POST /api/v1/recognition/faces/delete""",
    "facehash": "POST /recognize, POST /recognize/, POST /train",
    "admin": """GET /metrics, GET /api/dev/embeddings/a, DELETE /limits/a, GET /api/v1/nothing, POST /, GET /nothing,
        GET /%2e%2e/metrics, POST /codes/1, POST /static/console/a""",
}
SCOPE_OF = {tuple(call.split()): scope for scope, calls in OPENED_BY.items() for call in calls.split(",")}
"""Which scope a call needs, by method and path; `a` stands for whatever is named in the path."""
ELSEWHERE = "/admin", "/static/admin/", "/jobs/", "/api/v1/static/"
"""Beginnings of paths that other tests are about: sessions, the maker's key and a key in the path open them."""
OPEN = ("/", "/codes", "/codes/630", "/docs", "/openapi.json", "/health", "/health/live", "/health/ready")
NOW = int(time.time())


def made(*scopes: str, expires: int | None = None) -> tuple[str, KeyRecord]:
    return new_key("a test", scopes, NOW, expires)


KEYS = {scope: made(scope) for scope in SCOPES}
EXPIRED, REVOKED = made("admin", expires=NOW), made("admin")
REVOKED_RECORD = KeyRecord(**{**vars(REVOKED[1]), "revoked": NOW})
ALL = KeySet([*(record for _, record in KEYS.values()), EXPIRED[1], REVOKED_RECORD])


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return front(load=lambda: ALL)


def send(client: FlaskClient, method: str, path: str, key: str = "") -> TestResponse:
    return client.open(path, method=method, data=FORM, headers={"X-API-Key": key} if key else {})


def test_the_table_of_scopes_has_every_endpoint(client: FlaskClient) -> None:
    rules = [rule for rule in client.application.url_map.iter_rules() if not str(rule).startswith(ELSEWHERE)]
    calls = {
        (method, re.sub("<[^>]*>", "a", str(rule)).rstrip("/") or "/")
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    is_open = {("GET", re.sub("[0-9]+", "a", path)) for path in OPEN}
    assert calls - is_open - {*SCOPE_OF} == {("GET", "/deepface"), ("GET", "/help/a"), ("GET", "/static/console/a")}


@pytest.mark.parametrize(("method", "path"), SCOPE_OF)
def test_an_endpoint_is_open_to_its_scope_and_to_admins(client: FlaskClient, method: str, path: str) -> None:
    replies = {scope: send(client, method, path, KEYS[scope][0]) for scope in SCOPES}
    opened = {scope for scope, reply in replies.items() if reply.status_code not in (401, 403)}
    assert opened == {SCOPE_OF[method, path], "admin"}


@pytest.mark.parametrize(("method", "path"), SCOPE_OF)
def test_no_wrong_expired_or_revoked_key_opens_anything(client: FlaskClient, method: str, path: str) -> None:
    record, text = KEYS["admin"][1], KEYS["admin"][0]
    wrong = {"none": "", "wrong": "x", "expired": EXPIRED[0], "revoked": REVOKED[0], "digest": record.digest}
    wrong |= {"longer": f"{text}x", "two": f"{text},{text}", "spaced": f"{text[:9]} {text[9:]}"}
    for name, key in wrong.items():
        reply = send(client, method, path, key)
        assert (reply.get_json().get("faceapp_code", code(reply)), reply.status_code) == (401, 401), name


@pytest.mark.parametrize("key", ["", "x", KEYS["verify"][0]], ids=["none", "wrong", "valid"])
@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_is_open_to_all_and_keeps_its_reasons(client: FlaskClient, path: str, key: str) -> None:
    reply = send(client, "GET", path, key)
    assert reply.status_code in (200, 503)
    if reply.is_json and path != "/openapi.json":
        assert "reasons" not in results(reply)


def test_an_admin_is_told_the_reasons(client: FlaskClient) -> None:
    assert "reasons" in results(send(client, "GET", "/health/ready", KEYS["admin"][0]))


@pytest.mark.parametrize("only", [EXPIRED[1], REVOKED_RECORD], ids=["expired", "revoked"])
def test_a_server_that_had_keys_does_not_become_open_again(only: KeyRecord) -> None:
    assert code(send(front(load=lambda: KeySet([only])), "POST", "/verify")) == 401


def test_a_key_comes_by_either_header_but_not_two_different_ones(client: FlaskClient) -> None:
    key, other = KEYS["verify"][0], KEYS["admin"][0]

    def sent(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return code(client.post("/verify", data=FORM, headers=named))

    assert [sent(X_API_Key=key), sent(Authorization=f"Bearer {key}"), sent(Authorization=f"bearer {key}")] == [176] * 3
    assert sent(X_API_Key=key, Authorization=f"Bearer {key}") == 176
    refused = sent(X_API_Key=key, Authorization=f"Bearer {other}"), sent(Authorization=f"Basic {key}"), sent(A=key)
    assert refused == (401, 401, 401)
    names = ("X-API-Key", "x-api-key", "api_key", "key", "token", "access_token", "Authorization")
    elsewhere = dict.fromkeys(names, key)
    assert code(client.post("/verify", query_string=elsewhere, data={**FORM, **elsewhere})) == 401


def test_with_a_key_other_machines_proxies_names_and_pages_may_call(client: FlaskClient) -> None:
    headers = {
        "X-API-Key": KEYS["verify"][0],
        "Host": "faceapp.example",
        "X-Forwarded-For": "1.2.3.4",
        "Origin": "http://x",
    }
    reply = client.post("/verify", data=FORM, headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert code(reply) == 176


@pytest.mark.parametrize("field", ["delete_pickles", "rebuild_db"])
def test_pickles_are_for_admins(client: FlaskClient, field: str) -> None:
    form = {"upload_id": "x", "name": "Ann", "delete_pickles": "false", "rebuild_db": "false", "in_place": "false"}
    for scope, number in (("enrol", 403), ("admin", 176)):
        sent = {**form, field: "true"}
        reply = client.post("/upload_db", data=sent, headers={"X-API-Key": KEYS[scope][0]})
        assert (code(reply), results(reply).get("field")) == (number, field if number == 403 else None)
    assert code(client.post("/upload_db", data=form, headers={"X-API-Key": KEYS["enrol"][0]})) == 176


@pytest.mark.parametrize("number", [Code.DB_DOWN, Code.BAD_ENV])
def test_nobody_gets_in_while_the_keys_cannot_be_read(number: Code) -> None:
    def fail() -> KeySet:
        raise Refusal(number)

    client = front(load=fail)
    reply = client.post("/verify", data=FORM, headers={"X-API-Key": KEYS["admin"][0]})
    assert (code(reply), reply.status_code) == (number, 503)
    away = client.post("/verify", data=FORM, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert code(away) == number
    assert code(client.get("/health")) == 101


def test_faulty_settings_are_told_after_a_faulty_form() -> None:
    def fail() -> KeySet:
        raise Refusal(Code.BAD_ENV)

    assert code(front(load=fail).post("/verify", data={"upload_id": "x"})) == Code.BAD_VERIFY_KEYS


def test_the_body_of_a_key_that_does_not_fit_is_not_received() -> None:
    source: Any = FrontSource(load=lambda: ALL)
    for key, refused in ((KEYS["verify"][0], None), (KEYS["upload"][0], Code.NOT_ALLOWED), ("x", Code.NO_KEY)):
        refusal = refusal_of(Head("POST", "/verify", "1.1", "192.0.2.7", {"X_API_KEY": key}), source)
        assert (refusal and refusal.code) is refused


def test_no_key_and_no_hash_of_one_reaches_a_reply_or_the_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    said = ""
    for key, record in [*KEYS.values(), EXPIRED, REVOKED]:
        for method, path in SCOPE_OF:
            reply = send(client, method, path, key)
            said += reply.get_data(as_text=True) + str(reply.headers)
            assert key not in said + caplog.text
            assert record.digest not in said + caplog.text
    assert repr(KEYS["admin"][1]).count(KEYS["admin"][1].digest) == 0


def test_a_key_is_compared_with_every_other_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def count(first: str, second: str) -> bool:
        compared.append(first)
        return hmac_compare(first, second)

    hmac_compare = hmac.compare_digest
    monkeypatch.setattr("security.keys.hmac.compare_digest", count)
    for key in (KEYS["upload"][0], KEYS["admin"][0], "x"):
        compared.clear()
        ALL.find(key, NOW)
        assert compared == [record.digest for record in ALL.records]


def test_a_key_is_256_random_bits_and_stored_as_a_hash() -> None:
    text, record = made("upload")
    assert text.startswith("faceapp_")
    assert len(text.removeprefix("faceapp_")) == 43
    assert record.digest == digest_of(text)
    assert text not in json.dumps([record.key_id, record.digest, record.label])
    for scopes in ([], ["root"], ["upload", ""]):
        with pytest.raises(ValueError, match="scopes are upload"):
            new_key("x", scopes, NOW, None)


def test_a_key_ends_with_its_second() -> None:
    text, record = made("upload", expires=NOW + 10)
    keys = KeySet([record])
    assert [keys.find(text, NOW + after) is not None for after in (9, 9.9, 10, 11)] == [True, True, False, False]


class Loader:
    """Counts its calls; the test sets the clock and what comes."""

    def __init__(self) -> None:
        self.now, self.calls = 100.0, 0
        self.found: Callable[[], KeySet] = lambda: ALL

    def __call__(self) -> KeySet:
        self.calls += 1
        return self.found()


def test_keys_are_read_again_after_two_seconds_or_at_once_when_told() -> None:
    loader = Loader()
    ring = Keyring(loader, lambda: loader.now)
    with pytest.raises(Refusal, match="503"):
        ring.known()
    assert ring.current() is ALL
    loader.now += 1.9
    assert (ring.current(), ring.known(), loader.calls) == (ALL, ALL, 1)
    none = KeySet()
    loader.found = lambda: none
    ring.refresh()
    assert ring.known() is none
    loader.now += 2.0
    assert (ring.current(), loader.calls) == (none, 3)


def test_a_thread_that_comes_late_keeps_nobody_from_sending_and_lets_nobody_in() -> None:
    loader = Loader()
    ring = Keyring(loader, lambda: loader.now)
    source: Any = type("Late", (FrontSource,), {"keyring": ring})()
    ring.refresh()

    def refused(key: str) -> Code | None:
        refusal = refusal_of(Head("POST", "/verify", "1.1", "192.0.2.7", {"X_API_KEY": key}), source)
        return refusal.code if refusal else None

    known, new = KEYS["verify"][0], made("verify")[0]
    assert [refused(known), refused(new)] == [None, Code.NO_KEY]
    loader.now += 9.9
    assert [refused(known), refused(new)] == [None, Code.BUSY]
    loader.found = KeySet
    assert ring.current().records == ()
    loader.now += 10.0
    assert [refused(known), refused(new)] == [Code.BUSY, Code.BUSY]


def test_keys_that_cannot_be_read_count_no_longer_and_the_failure_is_not_asked_for_by_every_request() -> None:
    loader = Loader()
    ring = Keyring(loader, lambda: loader.now)
    ring.current()

    def fail() -> KeySet:
        raise Refusal(Code.DB_DOWN)

    loader.found, loader.now = fail, loader.now + 2
    for _ in range(3):
        with pytest.raises(Refusal, match="155"):
            ring.current()
    assert loader.calls == 2
    loader.found, loader.now = (lambda: ALL), loader.now + 2
    assert ring.current() is ALL


def test_the_thread_keeps_looking_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("security.keyring.EVERY_S", 0.01)
    loader = Loader()
    ring = Keyring(loader)
    ring.start()
    while loader.calls < 3:
        time.sleep(0.01)
    ring.stop()
    assert ring._thread is not None
    ring._thread.join(10)
    assert not ring._thread.is_alive()


def test_who_sees_that_an_id_is_unknown() -> None:
    admin, local, other = (
        Caller(frozenset({"admin"}), "k"),
        Caller(frozenset({"admin"})),
        Caller(frozenset({"verify"}), "k"),
    )
    seen = {hide: [one.sees_unknown(hide) for one in (admin, local, other)] for hide in ("auto", "true", "false")}
    assert seen == {"auto": [True, True, False], "true": [True, False, False], "false": [True, True, True]}
    assert Rules().hide_unknown == "auto"
