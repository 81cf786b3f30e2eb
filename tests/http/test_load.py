"""Crowds, slow clients and clients that go away, against a real server process on loopback."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from http.client import HTTPConnection
from typing import cast

import pytest
from flask.testing import FlaskClient

from api.gate import IDLE_S, Gate
from api.source import Source
from codes_dict import Code, Refusal
from faceapp import create_app
from tests.http.documented import client_of
from tests.http.site import ENV, ID, ROOT
from tests.http.test_replies import BrokenSource
from tools.installation.trial import TrialServer, trial_server

AT_ONCE, WAITING = 1, 8
SETTINGS = {
    "SELECTED_MODELS": "Dlib",
    "SCORE_TOL": "0",
    "THREADS": str(AT_ONCE),
    "ALLOW_SKIP_LIVENESS": "true",
    "ENROL_LIVENESS": "off",
    "FETCH_MODELS": "false",
    "LIVENESS_ENGINES": "cnn",
    "REPLAY_POLICY": "off",
    "ID_REGEX": ENV["ID_REGEX"],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialServer]:
    with trial_server(ROOT, tmp_path_factory.mktemp("server"), SETTINGS) as running:
        yield running


def upload_request(photo: bytes) -> tuple[bytes, dict[str, str]]:
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n\r\n'
    body = head.encode() + photo + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def upload(server: TrialServer, photo: bytes) -> tuple[int, int, str | None]:
    """Upload a photo on a connection of its own; return code, HTTP status and Retry-After."""
    body, headers = upload_request(photo)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("POST", f"/upload_imgs?id={ID}", body, headers)
    reply = connection.getresponse()
    code = json.loads(reply.read())["upload_code"]
    connection.close()
    return code, reply.status, reply.headers["Retry-After"]


def is_alive(server: TrialServer) -> bool:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/health")
    reply = connection.getresponse()
    connection.close()
    return reply.status == 200


@pytest.mark.models
def test_as_many_as_may_wait_are_all_served(server: TrialServer, astronaut: bytes) -> None:
    with ThreadPoolExecutor(AT_ONCE + WAITING) as pool:
        crowd = [pool.submit(upload, server, astronaut) for _ in range(AT_ONCE + WAITING)]
    assert {one.result() for one in crowd} == {(119, 200, None)}


@pytest.mark.models
def test_of_fifty_requests_at_once_each_is_answered_or_asked_to_come_again(
    server: TrialServer, astronaut: bytes
) -> None:
    with ThreadPoolExecutor(50) as pool:
        crowd = [pool.submit(upload, server, astronaut) for _ in range(50)]
        alive = is_alive(server)
    answers = [one.result() for one in crowd]
    assert alive
    assert set(answers) <= {(119, 200, None), (503, 503, "2")}
    assert answers.count((119, 200, None)) >= AT_ONCE + WAITING
    assert upload(server, astronaut) == (119, 200, None)


@pytest.mark.models
def test_clients_that_send_byte_by_byte_keep_nobody_waiting(server: TrialServer, astronaut: bytes) -> None:
    body, headers = upload_request(astronaut)
    head = f"POST /upload_imgs?id={ID} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    request = (head + "".join(f"{key}: {value}\r\n" for key, value in headers.items()) + "\r\n").encode() + body
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(60)]
    for count in range(1, 4):
        for client in slow:
            client.sendall(request[count - 1 : count])
    for client in slow[:30]:
        client.sendall(request[3:-1])
    assert upload(server, astronaut) == (119, 200, None)
    slow[0].sendall(request[-1:])
    assert slow[0].recv(12) == b"HTTP/1.1 200"
    for client in slow:
        client.close()


@pytest.mark.models
def test_clients_that_hang_up_in_the_middle_leave_nothing_behind(server: TrialServer, astronaut: bytes) -> None:
    before = len(list((server.folder / "uploads").iterdir()))
    body, headers = upload_request(astronaut)
    for part in (body[:1], body[: len(body) // 2], body[:-1]):
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.putrequest("POST", f"/upload_imgs?id={ID}")
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            connection.putheader(key, value)
        connection.endheaders(part)
        connection.close()
    assert upload(server, astronaut) == (119, 200, None)
    assert len(list((server.folder / "uploads").iterdir())) == before + 1


class Crowd:
    """Callers of an application with one costly endpoint that works until it is told to end."""

    def __init__(self, door: Gate) -> None:
        self.door = door
        self.end, self.working = threading.Event(), threading.Semaphore(0)
        self.pool = ThreadPoolExecutor(16)

    def call(self) -> str:
        try:
            with self.door.passing():
                self.working.release()
                self.end.wait(60)
                return "done"
        except Refusal as refusal:
            return refusal.code.name


def test_who_does_not_fit_into_the_queue_is_refused_at_once_and_not_after_a_wait() -> None:
    crowd = Crowd(Gate(at_once=2, waiting=3))
    inside: list[Future[str]] = [crowd.pool.submit(crowd.call) for _ in range(5)]
    for _ in range(2):
        crowd.working.acquire()
    while crowd.door.inside < 5:
        pass
    assert [crowd.call() for _ in range(4)] == ["BUSY"] * 4
    assert not crowd.working.acquire(blocking=False)
    crowd.end.set()
    assert [one.result() for one in inside] == ["done"] * 5
    assert crowd.call() == "done"


class Arrivals:
    """Requests of which as many come as a test says, at a gate with a clock that a test moves."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self.now = 0.0
        self.gate = Gate(at_once, waiting, lambda: self.now)
        self.under_way: list[AbstractContextManager[None]] = []

    def come(self, count: int) -> int:
        """Let requests come and stay inside; return how many were let in."""
        before = len(self.under_way)
        for _ in range(count):
            passing = self.gate.passing()
            with suppress(Refusal):
                passing.__enter__()
                self.under_way.append(passing)
        return len(self.under_way) - before

    def end(self, count: int) -> None:
        """Let requests that are inside end."""
        for _ in range(count):
            self.under_way.pop(0).__exit__(None, None, None)


def crowded() -> Arrivals:
    """Return a gate for eight at once with no places left, whose requests all hold a slot."""
    crowd = Arrivals(at_once=8, waiting=0)
    assert crowd.come(9) == 8
    return crowd


def test_once_more_came_than_fit_few_are_let_in_instead_of_filling_the_queue_again() -> None:
    crowd = crowded()
    crowd.end(3)
    assert (crowd.come(5), crowd.gate.inside, crowd.gate.is_overloaded) == (0, 5, True)
    crowd.end(2)
    assert (crowd.come(5), crowd.gate.inside) == (1, 4)


def test_an_overload_is_over_when_hardly_any_request_is_refused() -> None:
    crowd = crowded()
    crowd.end(8)
    for _ in range(400):
        assert crowd.come(2) == 2
        crowd.end(2)
    assert not crowd.gate.is_overloaded
    assert crowd.come(8) == 8


def test_an_overload_lasts_while_half_of_the_requests_are_refused() -> None:
    crowd = crowded()
    crowd.end(4)
    for _ in range(400):
        crowd.end(4)
        assert crowd.come(8) == 4
    assert crowd.gate.is_overloaded


def test_an_overload_is_over_when_nobody_came_for_a_while() -> None:
    crowd = crowded()
    crowd.end(8)
    assert (crowd.come(9), crowd.gate.is_overloaded) == (4, True)
    crowd.end(4)
    crowd.now = IDLE_S
    assert crowd.come(8) == 8


def test_a_request_that_fails_gives_its_place_back() -> None:
    door = Gate(at_once=1, waiting=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), door.passing():
            raise ValueError("broken")
    with door.passing(), pytest.raises(Refusal) as refused, door.passing():
        pass
    assert refused.value.code is Code.BUSY


@pytest.fixture
def full() -> FlaskClient:
    """Return a client of an application whose queue is full."""
    return client_of(create_app(cast(Source, BrokenSource()), Gate(at_once=0, waiting=0)))


def test_only_the_costly_endpoints_are_ever_refused(full: FlaskClient) -> None:
    keys = {"/upload_imgs?id=1": "upload_code", "/upload_db": "result_code", "/verify": "recognition_code"}
    for path, key in keys.items():
        reply = full.post(path)
        assert (reply.get_json()[key], reply.status_code, reply.headers["Retry-After"]) == (503, 503, "2")
    assert [full.get(path).status_code for path in ("/health", "/codes", "/codes/200", "/")] == [200] * 4
