"""What tests/unit says of accepted uploads holds on MariaDB and MySQL 9 as well."""

from __future__ import annotations

from tests.unit.test_acceptances import (  # noqa: F401
    house,
    test_acceptances_end_with_their_uploads,
    test_of_many_at_once_one_is_accepted,
    test_the_first_acceptance_stays_and_is_told,
)
