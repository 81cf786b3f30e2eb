"""Fixtures for tests that need no server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.db_house import Where


@pytest.fixture
def where(tmp_path: Path) -> Where:
    """Return a SQLite file that is not there yet; tests/mysql has servers under the same name."""
    return Where(f"sqlite:///{tmp_path}/db/faceapp.sqlite3")
