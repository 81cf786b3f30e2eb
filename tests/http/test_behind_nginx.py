"""Through a real nginx on the same machine: nobody gets into the server without keys, and TRUSTED_PROXIES works."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from security.callers import Rules
from security.keys import KeySet, new_key
from tests.http.front import FORM, PASSWORD, FrontSource
from tests.http.served import Served
from tests.nginx import DEPLOYED, LOCATIONS, TLS, nginx
from tests.servers import UnavailableError, wait_until

pytestmark = pytest.mark.slow

SENT = {"Content-Type": "application/x-www-form-urlencoded"}
BROWSERS = [
    {"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
]  # fmt: skip
FORWARDED = [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"X-Real-IP": "127.0.0.1"}]
ENDPOINTS = ("/upload_imgs?id=RECO_ID_1", "/upload_db", "/verify", "/people", "/nothing")
VERIFY = new_key("a test", ["verify"], 0, None)
PROXIES = (ip_network("127.0.0.1"),)


class Proxied:
    """A server, and nginx before it."""

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        self.folder, self.ports = folder, ports

    def send(self, name: str, path: str, headers: Mapping[str, str], host: str = "127.0.0.1") -> tuple[int, str]:
        """Post a form through a configuration from an address; return status and body."""
        connection = HTTPConnection("127.0.0.1", self.ports[name], timeout=60, source_address=(host, 0))
        connection.request("POST", path, urlencode(FORM), {**SENT, "Host": "localhost", **headers})
        reply = connection.getresponse()
        body = reply.read().decode()
        connection.close()
        return reply.status, body

    def sign_in(self, password: str, host: str, name: str = TLS, **headers: str) -> tuple[int, str]:
        """Sign in to the operator's side; return status and cookie."""
        trusted = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        kind: Any = HTTPSConnection if name == TLS else HTTPConnection
        how = {"context": trusted} if name == TLS else {}
        connection = kind("127.0.0.1", self.ports[name], timeout=60, source_address=(host, 0), **how)
        sent = {"Content-Type": "application/json", **headers}
        connection.request("POST", "/admin/api/session", json.dumps({"password": password}), sent)
        reply = connection.getresponse()
        reply.read()
        connection.close()
        return reply.status, reply.headers["Set-Cookie"] or ""


@contextmanager
def proxied(folder: Path, front: FrontSource) -> Iterator[Proxied]:
    served = Served(front)
    try:
        with nginx(folder, served.address) as ports:
            yield Proxied(folder, ports)
    except UnavailableError as reason:
        pytest.skip(str(reason))
    finally:
        served.close()


@pytest.fixture(scope="module")
def without_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with proxied(tmp_path_factory.mktemp("nginx"), FrontSource(Rules())) as both:
        yield both


@pytest.fixture(scope="module")
def with_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    front = FrontSource(Rules(trusted_proxies=PROXIES), lambda: KeySet([VERIFY[1]]))
    with proxied(tmp_path_factory.mktemp("nginx"), front) as both:
        yield both


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("name", [*LOCATIONS, DEPLOYED])
def test_the_server_without_keys_lets_nobody_in_through_nginx(without_keys: Proxied, name: str, path: str) -> None:
    """The silent one cannot be told from a local program; what it passes on shows the rest."""
    plain: list[dict[str, str]] = [] if name == "silent" else [{}]
    for headers in (*plain, *BROWSERS, *FORWARDED):
        status, body = without_keys.send(name, path, headers)
        assert (status, headers) == (403, headers)
        assert not any(word in body for word in ("score", "upload_id", "stages"))


@pytest.mark.parametrize("name", [*LOCATIONS, DEPLOYED])
def test_with_keys_a_caller_behind_nginx_needs_one(with_keys: Proxied, name: str) -> None:
    assert with_keys.send(name, "/verify", {})[0] == 401
    assert with_keys.send(name, "/upload_db", {"X-API-Key": VERIFY[0]})[0] == 403
    status, body = with_keys.send(name, "/verify", {"X-API-Key": VERIFY[0], "Host": "faceapp.example"})
    assert (status, json.loads(body)["recognition_code"]) == (503, 176)


def test_a_key_in_a_path_is_not_in_nginxs_log(with_keys: Proxied) -> None:
    for path in (f"/api/v1/static/{VERIFY[0]}/images/1", f"//api/v1/%73tatic/{VERIFY[0]}/images/1", "/verify"):
        with_keys.send(DEPLOYED, path, {})
    log = with_keys.folder / "access.log"  # written after the reply
    wait_until(lambda: "POST /verify" in log.read_text(), lambda: True, "nginx's log")
    assert VERIFY[0] not in log.read_text()


def test_behind_a_trusted_nginx_each_address_is_told_apart_whatever_it_says_of_itself(with_keys: Proxied) -> None:
    forged = [{"X-Forwarded-For": f"203.0.113.{number}"} for number in range(6)]
    tried = [with_keys.sign_in("wrong", "127.0.0.2", **headers)[0] for headers in forged]
    assert tried == [401] * 5 + [429]
    assert with_keys.sign_in(PASSWORD, "127.0.0.2")[0] == 429
    status, cookie = with_keys.sign_in(PASSWORD, "127.0.0.3")
    assert (status, "Secure" in cookie) == (200, True)
    forged_tls = {"X-Forwarded-Proto": "https"}
    assert with_keys.sign_in(PASSWORD, "127.0.0.4", "forwarding", **forged_tls)[0] == 403
