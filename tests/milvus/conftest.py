"""A database of its own for every test, and one Milvus Lite for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.db_house import Where
from tests.milvus_lite import MilvusLite, milvus_lite
from tests.servers import UnavailableError


@pytest.fixture(scope="session")
def milvus_server() -> Iterator[MilvusLite]:
    """Run a Milvus Lite for the whole session, or skip; a test that stops it starts it again."""
    try:
        with milvus_lite() as server:
            yield server
    except UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def where(tmp_path: Path, milvus_server: MilvusLite) -> Where:
    """Return a SQLite file whose gallery is in Milvus."""
    return Where(f"sqlite:///{tmp_path / 'faceapp.sqlite'}", milvus=milvus_server.uri)
