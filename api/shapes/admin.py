"""The operator's side."""

from __future__ import annotations

from typing import ClassVar

from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape


class SignInJson(Shape):
    """The password of the operator's side."""

    example: ClassVar = {"password": "the SUPER_PASSWORD of .env"}

    password: str


class SessionResults(Shape):
    """Whether the caller is signed in."""

    example: ClassVar = {"signed_in": True, "csrf": "Zt0Kc2vQm1", "idle_minutes": 30}

    signed_in: bool
    csrf: str | SkipJsonSchema[None] = None
    """To be sent as X-CSRF-Token with every change."""
    idle_minutes: int | SkipJsonSchema[None] = None
    """After so many minutes without a request the session ends."""
    closed: str | None = None
    """Why nobody can sign in, null where one can."""
