"""What tests/unit says of the gallery across processes holds on MariaDB and MySQL 9 as well."""

from __future__ import annotations

from tests.unit.test_gallery import (  # noqa: F401
    house,
    test_a_process_that_is_behind_finds_embeddings_that_compaction_moved,
    test_a_rebuild_computes_everything_again_from_the_source_crops,
    test_an_enrolment_by_a_real_other_process_is_seen_at_once,
    test_another_process_sees_an_enrolment_and_a_replacement_at_once,
    test_compaction_keeps_everybody_drops_the_removed_and_leaves_one_file_a_model,
    test_deleting_the_pickles_hides_nobody,
    test_threads_searching_while_people_are_enrolled_see_whole_snapshots,
)
