"""Fixtures for all tests: shared data, photos, database servers, and closed sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import pipeline.models  # noqa: F401 - decides on a Keras before any test loads one
from tests import loopback, milvus_servers, photos, redis_server, servers
from tools.installation.milvus_server import MilvusServer, NoMilvusError
from tools.installation.milvus_server import milvus_server as run_milvus_server

ROOT = Path(__file__).resolve().parent.parent
SHARE_A_SERVER = ("browser", "docs")
"""Folders whose tests share servers that take seconds to start."""
QUICK_TO_DELETE = {"dataCoord": {"gc": {"interval": 2, "dropTolerance": 1, "missingTolerance": 10}}}
"""Settings of a Milvus server that removes old files within two minutes, instead of four hours."""


LONGEST_ID = 200
"""Characters of a parameter that become part of its test's id."""


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long parameter by its length: a test's id is in the environment of the processes that it starts.

    No program can be started where one text of the environment is longer than 128 KiB.
    """
    return f"{argname} of {len(val)}" if isinstance(val, str | bytes) and len(val) > LONGEST_ID else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one worker, and all that share a server: a database, a browser's, the documentation's."""
    for item in items:
        folder = item.path.parent if item.path.parent.name in SHARE_A_SERVER else item.path
        together = "databases" if item.get_closest_marker("mysql") else str(folder)
        item.add_marker(pytest.mark.xdist_group(together))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of shared test data (LFW, spoof crops, videos, weights), or skip."""
    folder = (ROOT / os.environ.get("FACEAPP_TEST_DATA", "../shared")).resolve()
    if not (folder / "data").is_dir() or not (folder / "weights").is_dir():
        pytest.skip(f"no shared test data at {folder}: FACEAPP_TEST_DATA names the folder with data/ and weights/")
    return folder


@pytest.fixture(scope="session")
def astronaut() -> bytes:
    """Return a PNG file of 512 x 512 with the face of one woman."""
    return photos.astronaut()


@pytest.fixture(scope="session")
def grace_hopper() -> bytes:
    """Return a JPEG file of 512 x 600 with the face of another woman."""
    return photos.grace_hopper()


@pytest.fixture(scope="session")
def portraits() -> dict[str, bytes]:
    """Return `obama.jpg`, `obama2.jpg`, `obama3.jpg`, `biden.jpg` (one face each) as file bytes, or skip."""
    try:
        return photos.portraits()
    except photos.NoPortraitsError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[servers.MariaDB]:
    """Run a private MariaDB for the whole session, or skip; a test that stops it starts it again."""
    try:
        with servers.mariadb() as server:
            yield server
    except servers.UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def mysql9_server() -> Iterator[servers.RealMySQL]:
    """Run a real MySQL 9 for the whole session, or skip; a test that stops it starts it again."""
    data = (ROOT / os.environ.get("FACEAPP_TEST_DATA", "../shared")).resolve()
    try:
        with servers.real_mysql(data / "tools" / "real-mysql") as server:
            yield server
    except servers.UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def milvus_lite() -> Iterator[milvus_servers.MilvusLite]:
    """Run a Milvus Lite for the whole session, or skip; a test that stops it starts it again."""
    try:
        with milvus_servers.milvus_lite() as server:
            yield server
    except servers.UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def real_milvus() -> Iterator[MilvusServer]:
    """Run a Milvus server for the whole session, or skip; a test that stops it starts it again."""
    try:
        with run_milvus_server(QUICK_TO_DELETE) as server:
            yield server
    except NoMilvusError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def milvus_server(milvus_lite: milvus_servers.MilvusLite) -> milvus_servers.MilvusProcess:
    """Return a Milvus; a test that stops it starts it again."""
    return milvus_lite


@pytest.fixture(scope="session", name="redis_server")
def run_redis() -> Iterator[redis_server.RedisServer]:
    """Run a Redis for the whole session, or skip; a test that stops it starts it again."""
    try:
        with redis_server.redis() as server:
            yield server
    except servers.UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave the machine: the product needs none once it is ready."""
    for method, guarded in loopback.guarded_methods().items():
        monkeypatch.setattr(socket.socket, method, guarded)
