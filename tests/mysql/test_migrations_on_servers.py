"""What tests/unit says of migrations holds on MariaDB and MySQL 9 as well."""

from __future__ import annotations

from tests.unit.test_migrations import (  # noqa: F401
    house,
    test_a_database_of_a_newer_version_is_158_for_everybody_until_the_version_fits,
    test_a_database_that_is_up_to_date_is_only_read,
    test_kill_9_in_the_middle_leaves_what_the_next_start_completes,
    test_several_processes_upgrade_at_once,
    test_the_revisions_make_what_the_schema_declares,
)
