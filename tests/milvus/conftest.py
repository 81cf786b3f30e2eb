"""A database of its own for every test; one Milvus Lite and one Milvus server are for all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.db_house import Where
from tests.milvus_servers import MilvusProcess

ON_A_SERVER = {
    "test_an_enrolment_by_a_real_other_process_is_seen_at_once",
    "test_scores_are_those_of_the_gallery_in_memory_to_the_last_bit",
    "test_rows_of_an_enrolment_that_was_killed_never_count_and_are_removed_afterwards",
    "test_a_milvus_that_lost_everything_is_filled_from_the_source_crops",
    "test_while_milvus_is_away_all_is_156_and_nothing_changes_and_then_all_works_again",
}
"""What runs on a Milvus server too, which takes seconds a test; FACEAPP_TEST_MILVUS=all runs everything there."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on Milvus Lite, and on a Milvus server where that is worth its time."""
    if "milvus_server" in metafunc.fixturenames:
        is_for_both = metafunc.definition.name in ON_A_SERVER or os.environ.get("FACEAPP_TEST_MILVUS") == "all"
        names = ["milvus_lite", "real_milvus"] if is_for_both else ["milvus_lite"]
        metafunc.parametrize("milvus_server", names, indirect=True)


@pytest.fixture
def milvus_server(request: pytest.FixtureRequest) -> MilvusProcess:
    """Return a Milvus Lite, or a Milvus server."""
    server: MilvusProcess = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def where(tmp_path: Path, milvus_server: MilvusProcess) -> Where:
    """Return a SQLite file whose gallery is in Milvus."""
    return Where(f"sqlite:///{tmp_path / 'faceapp.sqlite'}", milvus=milvus_server.uri)
