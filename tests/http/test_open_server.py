"""The server without keys: open to its own machine, closed to other machines, proxies, names and web pages."""

from __future__ import annotations

import socket
from ipaddress import ip_network
from typing import cast

import pytest

from api import access
from api.head import Head
from api.source import Source
from codes_dict import Code
from faceapp import create_app
from security.callers import Rules
from tests.http.front import FORM, FrontSource, front
from tests.http.served import Served
from tests.http.site import code, results

ENDPOINTS = ("/upload_imgs?id=RECO_ID_1", "/upload_db", "/verify", "/liveness/challenge", "/nothing")
PAGE = "https://evil.example"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8001", "127.0.0.1:1", "127.8.9.1", "[::1]", "[::1]:8001"])
def test_a_loopback_name_is_let_in(host: str) -> None:
    assert code(front().post("/verify", data=FORM, headers={"Host": host})) == 176


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ({"Host": "evil.example"}, 403), ({"Host": "127.0.0.1.evil.example"}, 403), ({"Host": "localhost@evil"}, 403),
        ({"Host": "10.0.0.1"}, 403), ({"Host": "localhost:80:80"}, 403),
        ({"Origin": PAGE}, 403), ({"Origin": "null"}, 403), ({"Origin": "http://localhost:9"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"X-Forwarded-For": "127.0.0.1"}, 403), ({"X-Forwarded-Whatever": ""}, 403), ({"Forwarded": "for=x"}, 403),
        ({"Via": "1.1 proxy"}, 403), ({"X-Real-IP": "127.0.0.1"}, 403), ({"X-Original-Forwarded-For": "x"}, 403),
        ({"Fastly-Client-IP": "::1"}, 403), ({"X-Azure-ClientIP": "::1"}, 403), ({"CDN-Loop": "cloudflare"}, 403),
        ({"X-Envoy-External-Address": "::1"}, 403), ({"X-Amzn-Trace-Id": "Root=1"}, 403),
    ],
)  # fmt: skip
def test_whoever_else_is_refused_everywhere(path: str, headers: dict[str, str], number: int) -> None:
    reply = front().post(path, data=FORM, headers=headers)
    assert (code(reply), reply.status_code) == (number, number)
    assert "stages" not in results(reply)
    assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize("peer", ["192.0.2.7", "2001:db8::1", "10.0.0.1", ""])
def test_another_machine_is_told_that_it_needs_a_key(peer: str) -> None:
    reply = front().post("/verify", data=FORM, environ_base={"REMOTE_ADDR": peer})
    assert (code(reply), reply.status_code) == (401, 401)
    assert code(front().get("/codes", environ_base={"REMOTE_ADDR": peer})) == 101


def test_loopback_has_several_addresses() -> None:
    for peer in ("127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"):
        assert code(front().post("/verify", data=FORM, environ_base={"REMOTE_ADDR": peer})) == 176


def test_a_proxy_that_speaks_http_1_0_and_says_nothing_is_refused() -> None:
    reply = front().post("/verify", data=FORM, environ_overrides={"SERVER_PROTOCOL": "HTTP/1.0"})
    assert code(reply) == 403


def test_its_own_pages_and_listed_names_and_pages_are_let_in() -> None:
    own = {"Host": "localhost:8001", "Origin": "http://localhost:8001", "Sec-Fetch-Site": "same-origin"}
    assert code(front().post("/verify", data=FORM, headers=own)) == 176
    client = front(Rules(frozenset({"faceapp.local"}), cors_origins=frozenset({"https://app.example"})))
    assert code(client.post("/verify", data=FORM, headers={"Host": "FaceApp.local:80"})) == 176
    listed = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    reply = client.post("/verify", data=FORM, headers=listed)
    assert code(reply) == 176
    assert reply.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Origin" in reply.headers["Vary"]
    assert code(client.post("/verify", data=FORM, headers={"Origin": PAGE})) == 403


def test_a_browser_may_ask_whether_a_listed_page_may_send() -> None:
    client = front(Rules(cors_origins=frozenset({"https://app.example"})))
    asks = {"Access-Control-Request-Method": "POST"}
    reply = client.options("/verify", headers={**asks, "Origin": "https://app.example"})
    assert (reply.status_code, reply.headers["Access-Control-Allow-Origin"]) == (204, "https://app.example")
    assert "X-API-Key" in reply.headers["Access-Control-Allow-Headers"]
    used = {method for rule in client.application.url_map.iter_rules() for method in rule.methods or ()}
    assert used - {"HEAD", "OPTIONS"} == {*reply.headers["Access-Control-Allow-Methods"].split(", ")}
    assert code(client.options("/verify", headers={**asks, "Origin": PAGE})) == 403


@pytest.mark.parametrize("path", ["/", "/codes", "/health", "/nothing", "/verify"])
def test_every_reply_says_that_nothing_is_cached_framed_or_guessed(path: str) -> None:
    headers = front().get(path).headers
    assert headers["Cache-Control"] == "no-store"
    assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "DENY")
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_reasons_are_for_the_own_machine() -> None:
    assert "reasons" in results(front().get("/health/ready"))
    for headers in ({"Host": "evil.example"}, {"Origin": PAGE}, {"X-Forwarded-For": "127.0.0.1"}):
        reply = front().get("/health/ready", headers=headers)
        assert (code(reply), "reasons" in results(reply)) == (503, False)


def test_every_route_has_a_scope_or_is_for_admins() -> None:
    """What is added without a line in the table of `api.access` is closed to all but admins."""
    app = create_app(cast(Source, FrontSource(Rules())))
    for_admins = {rule.rule for rule in app.url_map.iter_rules() if access.needed_scope("POST", rule.rule) == "admin"}
    for_admins -= {
        "/api/dev/embeddings/<face_id>",
        "/limits/<path:person_id>",
        "/metrics",
        "/jobs/<job_id>",
        "/static/console/<path:name>",
    }
    open_to_reading = {"/", "/codes", "/codes/<int:number>", "/deepface/", "/docs", "/openapi.json"}
    assert for_admins == {*open_to_reading, "/help/<path:path>", "/health", "/health/live", "/health/ready"}
    assert access.needed_scope("GET", "/unheard-of") == "admin"


def test_the_clients_address_is_what_trusted_proxies_say() -> None:
    rules = Rules(trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("::1")))

    def seen(peer: str, forwarded: str) -> str:
        return Head("GET", "/", "1.1", peer, {"X_FORWARDED_FOR": forwarded}).client(rules)

    assert seen("192.0.2.7", "1.2.3.4") == "192.0.2.7"
    assert seen("10.0.0.1", "1.2.3.4") == "1.2.3.4"
    assert seen("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2") == "1.2.3.4"
    assert seen("10.0.0.1", "unknown") == "10.0.0.1"
    assert seen("::1", "2001:db8::1") == "2001:db8::1"


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
@pytest.mark.parametrize("length", [b"Content-Length: 160000000\r\n", b"Transfer-Encoding: chunked\r\n"])
@pytest.mark.parametrize("bad", [b"Host: evil.example\r\n", b"Host: localhost\r\nX-Forwarded-For: 127.0.0.1\r\n"])
def test_who_is_refused_gets_the_reply_before_a_byte_of_the_body(bad: bytes, length: bytes, expect: bytes) -> None:
    served = Served(FrontSource(Rules()))
    try:
        with socket.create_connection(served.address, timeout=60) as caller:
            caller.sendall(b"POST /upload_imgs?id=RECO_ID_1 HTTP/1.1\r\n" + bad + length + expect + b"\r\n")
            received = b"".join(iter(lambda: caller.recv(1 << 16), b""))
    finally:
        served.close()
    assert received.split(b"\r\n")[0].split()[1] == b"403"
    assert b'"upload_code":403' in received.replace(b" ", b"")


def test_what_is_let_in_is_received_and_answered() -> None:
    served = Served(FrontSource(Rules()))
    body = b"upload_id=x"
    try:
        with socket.create_connection(served.address, timeout=60) as caller:
            form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\nConnection: close\r\n\r\n"
            caller.sendall(b"POST /verify HTTP/1.1\r\nHost: localhost\r\n" + form + body)
            received = b"".join(iter(lambda: caller.recv(1 << 16), b""))
    finally:
        served.close()
    assert b'"recognition_code":%d' % Code.BAD_VERIFY_KEYS in received.replace(b" ", b"")
