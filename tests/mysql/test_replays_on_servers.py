"""What tests/unit says of used photos holds on MariaDB and MySQL 9 as well."""

from __future__ import annotations

from tests.unit.test_replays import (  # noqa: F401
    clock,
    house,
    store,
    test_a_hash_is_found_up_to_15_bits_away,
    test_a_photo_is_forgotten_after_the_retention_period,
    test_a_photo_of_another_upload_is_known_again_and_one_s_own_is_not,
    test_an_enrolled_photo_is_known_as_long_as_it_is_enrolled,
    test_an_enrolment_remembers_its_photos_with_its_commit,
    test_of_two_who_use_a_photo_at_once_one_is_first,
)
