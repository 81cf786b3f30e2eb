"""What tests/unit says of enrolments across processes holds with Milvus as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.db_house import Where
from tests.unit import test_db_enrolment as unit
from tests.unit.test_db_enrolment import (  # noqa: F401
    test_an_id_whose_row_was_deleted_by_hand_starts_anew,
    test_the_guard_sees_the_row_and_its_embeddings_and_can_refuse,
    test_two_processes_enrolling_one_id_come_one_after_the_other,
    test_with_in_place_everything_is_replaced_and_the_key_stays,
    test_without_in_place_files_are_added_and_name_and_path_stay,
)
from tests.unit.test_gallery import (  # noqa: F401
    house,
    test_an_enrolment_by_a_real_other_process_is_seen_at_once,
)


@pytest.mark.parametrize("step", ["segments written", "ready to commit"])
def test_a_failure_before_the_commit_leaves_everything_as_it_was(where: Where, tmp_path: Path, step: str) -> None:
    unit.test_a_failure_before_the_commit_leaves_everything_as_it_was(where, tmp_path, step, in_place=True)


@pytest.mark.parametrize("step", ["segments written", "ready to commit", "committed", "replaced files removed"])
def test_kill_9_leaves_the_old_state_or_the_new_one(where: Where, tmp_path: Path, step: str) -> None:
    unit.test_kill_9_leaves_the_old_state_or_the_new_one(where, tmp_path, step, in_place=True)
