"""What tests/unit says of retention holds on MariaDB and MySQL 9 as well."""

from __future__ import annotations

from tests.unit.test_terms import (  # noqa: F401
    house,
    test_after_the_day_the_person_is_forgotten_and_nobody_else,
    test_terms_are_kept_with_the_enrolment_and_change_only_by_what_is_sent,
)
