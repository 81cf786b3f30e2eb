"""Sealed rows fit the servers' columns, and bin/rekey locks and changes them there as in SQLite."""

from __future__ import annotations

from tests.unit.test_rekey import test_what_was_sealed_and_unsealed_again_is_as_it_was
from tests.unit.test_sealed_records import (
    house,
    sealed,
    test_hashes_of_used_photos_are_sealed_and_still_found,
)

__all__ = [
    "house",
    "sealed",
    "test_hashes_of_used_photos_are_sealed_and_still_found",
    "test_what_was_sealed_and_unsealed_again_is_as_it_was",
]
