"""Everything that tests/unit says of enrolments and the gallery holds on MariaDB and MySQL 9 as well."""

from __future__ import annotations

from tests.unit.test_at_once import *  # noqa: F403
from tests.unit.test_db_enrolment import *  # noqa: F403
