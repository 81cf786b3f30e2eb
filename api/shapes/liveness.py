"""Challenges."""

from pydantic import Field

from api.openapi import Shape
from api.shapes.common import EXAMPLE_ID, PersonId


class ChallengeForm(Shape):
    """Whom the challenge is for."""

    id: PersonId
    """Sent exactly once."""


class ChallengeResults(Shape):
    """What to do in front of the camera."""

    id: str = Field(examples=[EXAMPLE_ID])
    challenge: str = Field(examples=["Jx0mUq6tYb7o"])
    """The nonce: /upload_imgs?id=ID&challenge=NONCE answers it."""
    actions: list[str] = Field(examples=[["turn_left", "smile"]])
    """In this order."""
    expires_in_s: int = Field(examples=[180])
    instructions: str = Field(examples=["Take frames while you look straight ahead, then do each action."])
