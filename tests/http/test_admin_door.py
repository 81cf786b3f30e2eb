"""The operator's side over HTTP: reached over loopback or TLS alone, by a session, from its own page."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.access import refusal_of
from api.door import COOKIE, MOST_BYTES
from api.head import Head
from codes_dict import Code
from env_validator import PUBLISHED_PASSWORDS
from faceapp import create_app
from security.callers import SCOPES, Rules
from security.keys import KeySet, new_key
from tests.http.documented import client_of
from tests.http.front import PASSWORD, FrontSource, front
from tests.http.site import code, results

SESSION = "/admin/api/session"
KEYS = [new_key("a test", [scope], 0, None) for scope in SCOPES]
PROXIED = Rules(trusted_proxies=(ip_network("10.0.0.0/8"),))
OVER_TLS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9", "Host": "faceapp.example"}
FROM_PROXY = {"REMOTE_ADDR": "10.1.1.1"}


def sign_in(client: FlaskClient, password: str = PASSWORD, **how: object) -> TestResponse:
    return client.post(SESSION, json={"password": password}, **how)


def signed_in(client: FlaskClient) -> str:
    """Sign in and return the token against forged requests."""
    return str(results(sign_in(client))["csrf"])


def test_signing_in_sets_a_strict_cookie_and_signing_out_ends_the_session() -> None:
    client = front()
    assert results(client.get(SESSION)) == {"signed_in": False, "closed": None}
    reply = sign_in(client)
    cookie = reply.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/admin"))
    assert "Secure" not in cookie
    csrf = results(reply)["csrf"]
    assert results(client.get(SESSION)) == {"signed_in": True, "csrf": csrf, "idle_minutes": 15}
    token = client.get_cookie(COOKIE, path="/admin")
    assert code(client.delete(SESSION, headers={"X-CSRF-Token": csrf})) == 101
    assert token is not None
    client.set_cookie(COOKIE, token.value, path="/admin")
    assert results(client.get(SESSION))["signed_in"] is False


@pytest.mark.parametrize("sent", ["wrong", "", None, 7, [PASSWORD]])
def test_a_wrong_password_is_401(sent: object) -> None:
    client = front()
    reply = client.post(SESSION, json={"password": sent})
    assert (code(reply), reply.status_code) == (401, 401)
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("body", [b"", b"{", b'"x"'])
def test_what_is_no_json_is_said(body: bytes) -> None:
    reply = front().post(SESSION, data=body, content_type="application/json")
    assert code(reply) in (118, 401)


def test_guessing_is_429_with_retry_after() -> None:
    client = front()
    assert [code(sign_in(client, "x")) for _ in range(6)] == [401] * 5 + [429]
    reply = sign_in(client)
    assert code(reply) == 429
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize("password", [*PUBLISHED_PASSWORDS, None])
def test_a_published_password_keeps_the_door_closed(password: str | None) -> None:
    services = FrontSource()
    services.password = password
    client = client_of(create_app(services))
    reply = sign_in(client, password or PASSWORD)
    assert code(reply) == 403
    assert results(reply)["advice"] == results(client.get(SESSION))["closed"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("key", [text for text, _ in KEYS], ids=SCOPES)
def test_no_key_opens_the_operators_side(key: str, method: str) -> None:
    client = front(load=lambda: KeySet([record for _, record in KEYS]))
    assert code(client.open("/admin/api/keys", method=method, headers={"X-API-Key": key})) == 401


def test_a_session_opens_nothing_but_the_operators_side() -> None:
    client = front(load=lambda: KeySet([KEYS[0][1]]))
    signed_in(client)
    cookie = client.get_cookie(COOKIE, path="/admin")
    assert cookie is not None
    assert code(client.delete("/people/RECO_ID_1", headers={"Cookie": f"{COOKIE}={cookie.value}"})) == 401


@pytest.mark.parametrize("headers", [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": "é"}])
def test_a_change_without_the_token_is_refused(headers: dict[str, str]) -> None:
    client = front()
    signed_in(client)
    assert code(client.delete(SESSION, headers=headers)) == 403
    assert results(client.get(SESSION))["signed_in"] is True


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://app.example"},
    ],
)  # fmt: skip
def test_no_other_page_gets_anything(headers: dict[str, str]) -> None:
    client = front(Rules(cors_origins=frozenset({"https://app.example"})))
    assert code(sign_in(client, headers=headers)) == 403
    signed_in(client)
    assert code(client.get(SESSION, headers=headers)) == 403


@pytest.mark.parametrize(
    ("headers", "peer"),
    [
        ({}, "192.0.2.7"), ({}, "10.1.1.1"), ({"X-Forwarded-Proto": "https"}, "192.0.2.7"),
        ({"X-Forwarded-Proto": "http"}, "10.1.1.1"), ({"X-Forwarded-Proto": "https, http"}, "10.1.1.1"),
        ({"X-Forwarded-Proto": "https"}, "127.0.0.1"), ({"Host": "evil.example"}, "127.0.0.1"),
    ],
)  # fmt: skip
def test_neither_loopback_nor_tls_is_refused_with_a_sentence(headers: dict[str, str], peer: str) -> None:
    client = front(PROXIED)
    for path in ("/admin", SESSION):
        reply = client.get(path, headers=headers, environ_base={"REMOTE_ADDR": peer})
        assert code(reply) == 403
        assert "over TLS only" in results(reply)["advice"]
    assert code(sign_in(client, headers=headers, environ_base={"REMOTE_ADDR": peer})) == 403


def test_behind_tls_the_cookie_is_secure_and_the_lockout_goes_by_the_clients_address() -> None:
    client = front(PROXIED)
    for _ in range(6):
        last = sign_in(client, "x", headers=OVER_TLS, environ_base=FROM_PROXY)
    assert code(last) == 429
    other = {**OVER_TLS, "X-Forwarded-For": "203.0.113.10", "Origin": "https://faceapp.example"}
    reply = sign_in(client, headers=other, environ_base=FROM_PROXY)
    assert code(reply) == 101
    assert "Secure" in reply.headers["Set-Cookie"]


def test_who_may_is_decided_before_a_body_is_received() -> None:
    services = FrontSource()

    def refused(path: str, **headers: str) -> Code | None:
        head = Head("POST", path, "1.1", "127.0.0.1", {"HOST": "localhost", **headers})
        refusal = refusal_of(head, services)
        return refusal.code if refusal else None

    assert refused("/admin/api/keys", CONTENT_LENGTH="10") is Code.NO_KEY
    assert refused(SESSION, CONTENT_LENGTH="10") is None
    assert refused(SESSION, CONTENT_LENGTH=str(MOST_BYTES + 1)) is Code.TOO_LARGE
    assert code(front().post(SESSION, json={"password": "x" * MOST_BYTES})) == 413
