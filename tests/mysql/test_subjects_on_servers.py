"""What tests/unit says of subjects holds on MariaDB and MySQL 9 as well."""

from __future__ import annotations

from tests.unit.test_subjects import (  # noqa: F401
    house,
    test_a_name_is_compared_exactly,
    test_a_page_of_faces_may_be_of_some_ids,
    test_a_rename_says_whose_the_name_is_already,
    test_of_many_at_the_same_time_one_announces_and_all_link,
    test_of_many_at_the_same_time_one_makes_the_subject,
)
