"""A database of its own for every test; one Milvus Lite is for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.db_house import Where
from tests.milvus_lite import MilvusLite


@pytest.fixture
def where(tmp_path: Path, milvus_server: MilvusLite) -> Where:
    """Return a SQLite file whose gallery is in Milvus."""
    return Where(f"sqlite:///{tmp_path / 'faceapp.sqlite'}", milvus=milvus_server.uri)
