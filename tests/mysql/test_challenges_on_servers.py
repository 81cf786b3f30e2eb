"""What tests/unit says of challenges holds on MariaDB and MySQL 9 as well."""

from __future__ import annotations

from tests.unit.test_challenges import (  # noqa: F401
    clock,
    house,
    store,
    test_a_challenge_comes_back_once_with_its_actions,
    test_a_challenge_expires_after_three_minutes,
    test_a_challenge_of_another_id_or_of_nobody_is_foreign_and_stays_open,
    test_of_two_answers_at_once_one_counts,
)
