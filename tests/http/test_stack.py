"""Two servers on one database, one Milvus server, one Redis and one folder of images: each is killed under load.

Whatever was acknowledged is found from then on, through the other server and at once, and every reply has a code.
FACEAPP_TEST_STACK sets how often each is killed (once).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from json import loads
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import stream_encode_multipart

from codes_dict import Code
from db.initialise import initialise
from db.schema import PeopleNames
from tests.db_house import Where
from tests.http.site import ENV, ROOT, variant
from tests.http.test_load import SETTINGS
from tests.redis_server import RedisServer
from tests.servers import DatabaseServer
from tools.installation.milvus_server import MilvusServer
from tools.installation.ports import free_port
from tools.installation.trial import TrialServer, launch, wait_until_ready, write_settings

pytestmark = [pytest.mark.models, pytest.mark.mysql]

DOWN_S = 2.0
PATIENCE_S = 120.0
MOST_PEOPLE = 45
"""A search returns 50 people at most."""


class Replica:
    """One of the two servers: killed and started again on the same port and settings."""

    def __init__(self, folder: Path, changes: dict[str, str]) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir()
        write_settings(ROOT, folder, {"HOST": "127.0.0.1", "PORT": str(self.port), **changes})
        self._running: TrialServer | None = None

    def start(self) -> None:
        """Start; returns when it is ready."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start without waiting."""
        self._running = launch(ROOT, self.folder, self.port)

    def wait(self) -> None:
        """Wait until it is ready."""
        assert self._running is not None
        wait_until_ready(self._running)

    def kill(self) -> None:
        """Kill it."""
        if self._running is not None:
            self._running.process.kill()
            self._running.process.wait()
            self._running = None

    def post(self, path: str, photo: bytes, **fields: str) -> tuple[int, dict[str, Any]]:
        """Return code and results of a photo's reply; (0, {}) where the server is down, or dies before it replies."""
        form = {**fields, "photo": FileStorage(BytesIO(photo), "photo.jpg")}
        stream, length, boundary = stream_encode_multipart(form)
        headers = {"Content-Type": f'multipart/form-data; boundary="{boundary}"', "Content-Length": str(length)}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2 * PATIENCE_S)
        try:
            connection.request("POST", path, stream.read(), headers)
            reply = loads(connection.getresponse().read())
        except (ConnectionError, HTTPException):
            return 0, {}
        finally:
            connection.close()
        return int(reply["code"]), reply["results"] or {}


@dataclass
class Load:
    """Clients that enrol through one server and search through the other, until told to stop."""

    servers: Sequence[Replica]
    photo: bytes
    acknowledged: set[str] = field(default_factory=set)
    codes: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    searches: int = 0
    tried: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, at: int) -> None:
        """Enrol somebody through the server `at`, and search through the other, again and again."""
        while not self.stop.is_set():
            with self.lock:
                self.tried += 1
                person_id = f"RECO_ID_{self.tried}"
            if len(self.acknowledged) < MOST_PEOPLE:
                code, _ = self.servers[at].post(f"/people/{person_id}/faces", self.photo, name="Ada Lovelace")
                self.note(code)
                if code == Code.ENROLLED:
                    with self.lock:
                        self.acknowledged.add(person_id)
            self.search(self.servers[1 - at])

    def search(self, server: Replica) -> bool:
        """Search, and tell whether there was a result; who was acknowledged before and is not in it is a fault."""
        with self.lock:
            before = set(self.acknowledged)
        code, results = server.post("/search?limit=50", self.photo)
        self.note(code)
        if code != Code.DONE:
            return False
        lacking = before - {one["id"] for one in results["faces"][0]["candidates"]}
        with self.lock:
            self.searches += 1
            self.faults += [f"{one} was not found" for one in sorted(lacking)]
        return True

    def note(self, code: int) -> None:
        """Collect a reply's code."""
        with self.lock:
            self.codes.add(code)

    def goes_on(self) -> None:
        """Wait until both servers have answered two searches more."""
        deadline = time.monotonic() + PATIENCE_S
        for server in self.servers:
            wanted = 2
            while wanted:
                assert time.monotonic() < deadline, f"no search after {PATIENCE_S} s; codes so far: {self.codes}"
                wanted -= self.search(server)


@dataclass
class Stack:
    """All that a test kills."""

    servers: tuple[Replica, Replica]
    database: DatabaseServer
    milvus: MilvusServer
    redis: RedisServer

    def outages(self) -> list[Outage]:
        """Return what is killed, what a search through the second server is answered meanwhile, and the start."""
        one, two = self.servers
        return [
            Outage([self.milvus.stop, one.kill], Code.VECTORS_DOWN, [one.launch, self.milvus.start, one.wait]),
            Outage([self.database.kill], Code.DB_DOWN, [self.database.start]),
            Outage([self.redis.stop], Code.BUSY, [self.redis.start]),
            Outage([two.kill], None, [two.start]),
        ]


@dataclass(frozen=True)
class Outage:
    """Calls that kill, the code of a search through the second server meanwhile, and calls that start again."""

    kill: Sequence[Callable[[], None]]
    meanwhile: Code | None
    start: Sequence[Callable[[], None]]


@pytest.fixture
def database(request: pytest.FixtureRequest) -> DatabaseServer:
    """Return a MySQL 9, or a MariaDB where there is none."""
    try:
        found: DatabaseServer = request.getfixturevalue("mysql9_server")
    except pytest.skip.Exception:
        found = request.getfixturevalue("mariadb_server")
    return found


@pytest.fixture
def stack(
    tmp_path: Path, database: DatabaseServer, real_milvus: MilvusServer, redis_server: RedisServer
) -> Iterator[Stack]:
    """Return two running servers and what they share."""
    where = Where(f"{database.host}:{database.port}", database.user, database.password).fresh()
    columns = {key: ENV[key] for key in ("SQL_TABLE", "ID_COL", "NAME_COL", "PATH_COL")}
    initialise(where.uri, PeopleNames(*columns.values()), where.user, where.password, where.schema)
    for name in ("images", "uploads"):
        (tmp_path / name).mkdir()
    changes = {
        **SETTINGS, **columns,
        "SQL_URI": where.uri, "SQL_USER": where.user, "SQL_PASS": where.password, "SQL_SCHEMA": where.schema,
        "DB_PATH": str(tmp_path / "images"), "UPLOAD_FOLDER": str(tmp_path / "uploads"),
        "VECTOR_STORE": f"milvus:{real_milvus.uri}", "LIMIT_STORE": redis_server.uri, "REQUEST_LIMIT": "9999/minute",
        "DUPLICATE_POLICY": "warn",
    }  # fmt: skip
    one, two = (Replica(tmp_path / name, changes) for name in ("one", "two"))
    with ExitStack() as ends:
        for server in (one, two):
            ends.callback(server.kill)
            server.launch()
        for server in (one, two):
            server.wait()
        yield Stack((one, two), database, real_milvus, redis_server)


def test_each_part_is_killed_under_load_and_nothing_acknowledged_is_lost_or_late(
    stack: Stack, astronaut: bytes
) -> None:
    load = Load(stack.servers, variant(astronaut))
    with ThreadPoolExecutor(2) as pool:
        clients = [pool.submit(load.client, at) for at in (0, 1)]
        try:
            load.goes_on()
            for outage in stack.outages() * int(os.environ.get("FACEAPP_TEST_STACK", "1")):
                for kill in outage.kill:
                    kill()
                try:
                    time.sleep(DOWN_S)
                    meanwhile = stack.servers[1].post("/search?limit=50", load.photo)[0]
                finally:
                    for start in outage.start:
                        start()
                assert meanwhile == (outage.meanwhile or 0)
                load.goes_on()
        finally:
            load.stop.set()
        for client in clients:
            client.result()
    assert [load.search(server) for server in stack.servers] == [True, True]
    assert load.faults == []
    assert len(load.acknowledged) > len(stack.outages())
    assert load.codes - {0} <= {int(code) for code in Code}
