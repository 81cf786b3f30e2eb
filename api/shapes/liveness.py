"""Challenges."""

from __future__ import annotations

from typing import ClassVar

from api.openapi import Shape
from api.shapes.common import EXAMPLE_ID, PersonId


class ChallengeForm(Shape):
    """Whom the challenge is for."""

    example: ClassVar = {"id": EXAMPLE_ID}

    id: PersonId
    """Sent exactly once."""


class ChallengeResults(Shape):
    """What to do in front of the camera."""

    example: ClassVar = {
        "id": EXAMPLE_ID,
        "challenge": "Jx0mUq6tYb7o",
        "actions": ["turn_left", "smile"],
        "expires_in_s": 180,
        "instructions": "Take frames while you look straight ahead, then do each action.",
    }

    id: str
    challenge: str
    """The nonce: /upload_imgs?id=ID&challenge=NONCE answers it."""
    actions: list[str]
    """In this order."""
    expires_in_s: int
    instructions: str
