"""The production server as a real process: it ends cleanly, reports a port in use, and answers what is too large."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.http.small_server import CONNECTIONS, LIMIT
from tools.installation.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """The process, its port, and what it prints."""

    def __init__(self, port: int, draining_s: float, patience_s: float) -> None:
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.http.small_server", str(port), str(draining_s), str(patience_s)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=60)


@contextmanager
def running(draining_s: float = 600, patience_s: float = 600) -> Iterator[Server]:
    server = Server(free_port(), draining_s, patience_s)
    try:
        assert server.line() == f"ready http://127.0.0.1:{server.port}"
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def lasting() -> Iterator[Server]:
    """Return a server for the tests that do not end it."""
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    """Return a server that does not wait for slow requests."""
    with running(patience_s=1) as started:
        yield started


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_under_way_is_answered_before_the_server_ends_with_0(server: Server, number: signal.Signals) -> None:
    under_way = server.connect()
    under_way.request("GET", "/slow?seconds=1")
    assert server.line() == "working"
    server.process.send_signal(number)
    assert under_way.getresponse().read() == b"done"
    assert server.line() == "ended"
    assert server.process.wait(60) == 0


def test_a_request_that_still_waits_for_a_thread_is_answered_too(server: Server) -> None:
    waiting = [server.connect() for _ in range(5)]
    for connection in waiting:
        connection.request("GET", "/slow?seconds=0.5")
    assert server.line() == "working"
    server.process.send_signal(signal.SIGTERM)
    assert [connection.getresponse().read() for connection in waiting] == [b"done"] * 5
    assert server.process.wait(60) == 0


def test_an_upload_that_is_half_received_is_answered_too(server: Server) -> None:
    half = server.connect()
    half.putrequest("POST", "/length")
    half.putheader("Content-Length", "10")
    half.endheaders(b"12345")
    busy = server.connect()
    busy.request("GET", "/slow?seconds=0.5")
    assert server.line() == "working"
    server.process.send_signal(signal.SIGTERM)
    busy.getresponse().read()
    half.send(b"67890")
    assert half.getresponse().read() == b"10"
    assert server.process.wait(60) == 0


def test_an_idle_connection_does_not_hold_the_server_up(server: Server) -> None:
    idle = server.connect()
    idle.request("GET", "/slow?seconds=0")
    idle.getresponse().read()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0


def test_nobody_new_is_let_in_while_the_server_ends(server: Server) -> None:
    under_way = server.connect()
    under_way.request("GET", "/slow?seconds=1.5")
    assert server.line() == "working"
    server.process.send_signal(signal.SIGTERM)
    while True:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=60).close()
        except ConnectionResetError:
            continue  # at the door in the very moment that it closed: the next one is refused
        except ConnectionRefusedError:
            break
    assert under_way.getresponse().read() == b"done"


def test_a_request_that_takes_too_long_is_cut() -> None:
    with running(draining_s=0.5) as server:
        endless = server.connect()
        endless.request("GET", "/slow?seconds=600")
        assert server.line() == "working"
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0


def test_a_port_in_use_is_one_sentence_and_exit_2(lasting: Server) -> None:
    second = Server(lasting.port, 1, 1)
    printed, complaint = second.process.communicate(timeout=60)
    assert second.process.returncode == 2
    assert printed == ""
    assert complaint == f"Port {lasting.port} is already in use. Set PORT in .env.\n"


def test_a_host_of_another_machine_is_one_sentence() -> None:
    from api.serving import CannotListenError, open_socket

    with pytest.raises(CannotListenError, match=r"^Cannot listen on 192\.0\.2\.1:80: .*\. Set HOST and PORT\.$"):
        open_socket("192.0.2.1", 80)


@pytest.mark.parametrize("size", [LIMIT, LIMIT - 1, 0])
def test_a_body_up_to_the_limit_arrives_whole(lasting: Server, size: int) -> None:
    connection = lasting.connect()
    connection.request("POST", "/length", body=b"x" * size)
    assert connection.getresponse().read() == str(size).encode()


def test_a_body_over_the_limit_gets_the_applications_own_reply(lasting: Server) -> None:
    connection = lasting.connect()
    connection.request("POST", "/length", body=b"x" * (32 * LIMIT))
    assert connection.getresponse().status == 413


def test_a_chunked_body_over_the_limit_gets_the_applications_own_reply(lasting: Server) -> None:
    connection = lasting.connect()
    connection.request("POST", "/length", body=iter([b"x" * LIMIT] * 8), encode_chunked=True)
    assert connection.getresponse().status == 413


def test_a_chunked_body_within_the_limit_arrives_whole(lasting: Server) -> None:
    connection = lasting.connect()
    connection.request("POST", "/length", body=iter([b"x" * 1000] * 8), encode_chunked=True)
    assert connection.getresponse().read() == b"8000"


def test_a_client_that_sends_slowly_holds_no_thread(lasting: Server) -> None:
    slow = [lasting.connect() for _ in range(4)]
    for connection in slow:
        connection.putrequest("POST", "/length")
        connection.putheader("Content-Length", "10")
        connection.endheaders(b"12345")
    quick = lasting.connect()
    quick.request("GET", "/slow?seconds=0")
    assert quick.getresponse().read() == b"done"


HOST = b"Host: x\r\n"
POST = b"POST /length HTTP/1.1\r\n" + HOST


def reply_to(server: Server, request: bytes, ends: bool = False) -> tuple[bytes, Any]:
    """Send bytes over a connection; return the status line and the JSON of the only reply, after which it is closed.

    `ends`: stop sending afterwards, as a client does that was cut off.
    """
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(request)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.count(b"HTTP/1.") == 1
    return head.split(b"\r\n")[0], json.loads(body)


@pytest.mark.parametrize(
    ("request_", "advice"),
    [
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "either Content-Length or"),
        (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunked once"),
        (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "chunked once"),
        (POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "in HTTP/1.1"),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", "well-formed"),
        (POST + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "uncompressed"),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "well-formed"),
        (POST + b"Content-Length: -1\r\n\r\n", "well-formed"),
        (POST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", "well-formed"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nZ\r\n\r\n", "well-formed"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 9_000, "between the chunks"),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "one Host"),
        (b"GET http://evil.example/health HTTP/1.1\r\n" + HOST + b"\r\n", "the host of the request line"),
        (b"GET http://[::1/x HTTP/1.1\r\n" + HOST + b"\r\n", "well-formed"),
        (b"GET /health HTTP/1.1\r\nA: b\rc\r\n\r\n", "well-formed"),
        (b"get /health HTTP/1.1\r\n" + HOST + b"\r\n", "well-formed"),
        (b"\x16\x03\x01\0\r\n\r\n", "well-formed"),
        (b"GET /health HTTP/1.1\r\nA: " + b"b" * 1_000_000 + b"\r\n\r\n", "below 65536 bytes"),
        (b"GET /" + b"b" * 1_000_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", "below 65536 bytes"),
    ],
)
def test_what_can_be_read_in_two_ways_or_not_at_all_is_refused_by_the_application(
    lasting: Server, request_: bytes, advice: str
) -> None:
    status, refused = reply_to(lasting, request_)
    assert status.split()[1] == b"400"
    assert (refused["code"], refused["retry"]) == (400, False)
    assert advice in refused["advice"]


def test_a_length_that_no_number_of_bytes_has_is_too_large(lasting: Server) -> None:
    assert reply_to(lasting, POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n")[1]["code"] == 413


@pytest.mark.parametrize(
    "cut", [b"GET /hea", POST, POST + b"Content-Length: 9\r\n\r\n", POST + b"Content-Length: 9\r\n\r\nab"]
)
def test_a_client_that_ends_in_the_middle_of_a_request_is_told_so(lasting: Server, cut: bytes) -> None:
    refused = reply_to(lasting, cut, ends=True)[1]
    assert (refused["code"], refused["retry"], "ended before" in refused["advice"]) == (400, True, True)


@pytest.mark.parametrize(
    "slow", [b"\r\n", b"GET /hea", POST + b"Content-Length: 9\r\n\r\nab", POST + b"Transfer-Encoding: chunked\r\n\r\n"]
)
def test_a_request_that_does_not_arrive_is_refused_after_a_while(impatient: Server, slow: bytes) -> None:
    refused = reply_to(impatient, slow)[1]
    assert (refused["code"], refused["retry"], "too slowly" in refused["advice"]) == (400, True, True)


def test_headers_that_trickle_in_are_refused_all_the_same(impatient: Server) -> None:
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=60) as connection:
        connection.settimeout(0.2)
        received = b""
        while not received:
            connection.sendall(b"A")
            with contextlib.suppress(TimeoutError):
                received = connection.recv(1 << 16)
    assert received.startswith(b"HTTP/1.0 400 ")


def test_a_reply_is_sent_at_once_where_a_client_expects_to_continue_without_a_body(lasting: Server) -> None:
    with socket.create_connection(("127.0.0.1", lasting.port), timeout=60) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nExpect: 100-continue\r\n" + HOST + b"\r\n")
        assert connection.recv(15) == b"HTTP/1.1 200 OK"


def test_a_client_that_expects_to_continue_is_asked_for_the_body(lasting: Server) -> None:
    with socket.create_connection(("127.0.0.1", lasting.port), timeout=60) as connection:
        connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ab")
        assert connection.recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("begun", [b"", b"GET /hea", POST + b"Content-Length: 9\r\n\r\nab"])
def test_a_crowd_of_slow_clients_makes_room_for_others(lasting: Server, begun: bytes) -> None:
    crowd = [socket.create_connection(("127.0.0.1", lasting.port), timeout=60) for _ in range(2 * CONNECTIONS)]
    for client in crowd:
        client.sendall(begun)
    with contextlib.ExitStack() as stack:
        for client in crowd:
            stack.enter_context(client)
        asking = lasting.connect()
        asking.request("GET", "/health")
        assert asking.getresponse().read() == b"alive"
        assert len(select.select(crowd, [], [], 0)[0]) >= CONNECTIONS  # closed
        asking.request("GET", "/health")
        assert asking.getresponse().read() == b"alive"
