"""The production server as a real process: it ends cleanly, reports a port in use, and answers what is too large."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.http.small_server import LIMIT
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """The process, its port, and what it prints."""

    def __init__(self, port: int, draining_s: float) -> None:
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.http.small_server", str(port), str(draining_s)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=20)


@contextmanager
def running(draining_s: float = 20) -> Iterator[Server]:
    server = Server(free_port(), draining_s)
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_under_way_is_answered_before_the_server_ends_with_0(server: Server, number: signal.Signals) -> None:
    under_way = server.connect()
    under_way.request("GET", "/slow?seconds=1")
    assert server.line() == "working"
    server.process.send_signal(number)
    assert under_way.getresponse().read() == b"done"
    assert server.line() == "ended"
    assert server.process.wait(20) == 0


def test_a_request_that_still_waits_for_a_thread_is_answered_too(server: Server) -> None:
    waiting = [server.connect() for _ in range(5)]
    for connection in waiting:
        connection.request("GET", "/slow?seconds=0.5")
    assert server.line() == "working"
    server.process.send_signal(signal.SIGTERM)
    assert [connection.getresponse().read() for connection in waiting] == [b"done"] * 5
    assert server.process.wait(20) == 0


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
    assert server.process.wait(20) == 0


def test_an_idle_connection_does_not_hold_the_server_up(server: Server) -> None:
    idle = server.connect()
    idle.request("GET", "/slow?seconds=0")
    idle.getresponse().read()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0


def test_nobody_new_is_let_in_while_the_server_ends(server: Server) -> None:
    under_way = server.connect()
    under_way.request("GET", "/slow?seconds=1.5")
    assert server.line() == "working"
    server.process.send_signal(signal.SIGTERM)
    while True:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
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
        assert server.process.wait(20) == 0


def test_a_port_in_use_is_one_sentence_and_exit_2(lasting: Server) -> None:
    second = Server(lasting.port, 1)
    printed, complaint = second.process.communicate(timeout=20)
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
