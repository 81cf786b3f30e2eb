"""What requests and replies are made of, as pydantic models: they describe and never parse (`api.forms` does)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import SkipJsonSchema


class Shape(BaseModel):
    """Base of all: the docstring under a field is its description; keys beyond the listed ones may appear.

    `example` fits the model; `encoding` is OpenAPI's, for the fields of a multipart body.
    """

    model_config = ConfigDict(use_attribute_docstrings=True, defer_build=True)
    example: ClassVar[Mapping[str, Any] | None] = None
    encoding: ClassVar[Mapping[str, Mapping[str, str]]] = {}


class Stage(Shape):
    """One stage of the request's ledger. Operators also see `items`: values and thresholds per image."""

    name: str
    code: int | None
    """Why the stage ended the request, null where it did not."""
    milliseconds: float
    advice: str


class SystemErrors(Shape):
    """What is wrong with `.env`."""

    not_in_env: list[str]
    """Missing keys."""
    env_errs: list[str]
    """Bad values, as `KEY: what is wrong, what is accepted`."""


class Refused(Shape):
    """Why nothing was done, and what to do about it. Results of the stages before it may stand beside these keys."""

    example: ClassVar[Mapping[str, Any] | None] = {}

    advice: str
    """What the caller can do."""
    retry: bool
    """Whether the same call can succeed later, without any change to it."""
    field: str | SkipJsonSchema[None] = None
    """The field that is wrong."""
    file: str | SkipJsonSchema[None] = None
    """The file that is wrong, by the client's name for it."""
    retry_after: int | SkipJsonSchema[None] = None
    """Seconds to wait, also in the header Retry-After."""
    stages: list[Stage] | SkipJsonSchema[None] = None
    """The stages so far."""


STAGE_EXAMPLE: Mapping[str, Any] = {
    "name": "images",
    "in": 1,
    "out": 1,
    "code": None,
    "milliseconds": 0.4,
    "advice": "",
    "items": [],
}
SYSTEM_ERRORS_EXAMPLE = {"not_in_env": ["VER_TOL"], "env_errs": ["SCORE_TOL: not a number, 0 to 10 is accepted"]}
