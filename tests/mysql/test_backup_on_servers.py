"""What tests/unit says of backups holds on MariaDB and MySQL 9 as well."""

from __future__ import annotations

from tests.unit.test_backup import (  # noqa: F401
    house,
    test_a_backup_under_load_holds_every_person_whole,
    test_everything_comes_back_and_goes_on,
    test_nothing_is_restored_into_a_place_where_something_is,
    test_where_people_keep_being_removed_they_wait_for_the_last_copy,
)
