"""What tests/unit says of the audit holds on MariaDB and MySQL 9 as well."""

from __future__ import annotations

from tests.unit.test_audit import (  # noqa: F401
    house,
    test_an_enrolment_that_fails_is_not_counted,
    test_an_entry_whose_enrolment_was_killed_before_its_commit_does_not_count,
    test_forgetting_is_recorded_and_nobody_can_tell_any_more_whom_the_entries_mean,
    test_on_a_full_disk_nothing_happens_and_afterwards_everything_works,
    test_processes_that_write_at_once_make_one_chain,
    test_what_happened_is_there_in_its_order_with_who_asked_and_without_the_person,
)
