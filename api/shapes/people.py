"""People, and what is counted about them."""

from __future__ import annotations

from typing import ClassVar

from api.openapi import Shape
from api.shapes.common import EXAMPLE_ID


class Receipt(Shape):
    """Signed proof that a person was forgotten."""

    format: str
    person: str
    """A pseudonym that only this installation can compute from the ID."""
    time: str
    removed: dict[str, int]
    """Counts by kind."""
    signature: str
    """HMAC-SHA256 over the rest as JSON with sorted keys and no spaces."""


class ForgottenResults(Shape):
    """That nothing is stored about the person any more."""

    example: ClassVar = {
        "receipt": {
            "format": "faceapp receipt 1",
            "person": "9f0c1b1e1c6d4a7b",
            "time": "2026-11-26T12:00:00+00:00",
            "removed": {"rows": 1, "embeddings": 2},
            "signature": "5e0f1c6b7d2a4e8f9b3c",
        }
    }

    receipt: Receipt


class AnyIdPath(Shape):
    """Whose failures are counted: any text that was sent as an ID."""

    example: ClassVar = {"person_id": EXAMPLE_ID}

    person_id: str
    """The ID."""


class LiftedResults(Shape):
    """The ID that may be verified again."""

    example: ClassVar = {"id": EXAMPLE_ID}

    id: str
