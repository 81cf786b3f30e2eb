"""Codes, health, and the list of endpoints."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Refused, Shape
from codes_dict import Code


class CodeEntry(Shape):
    """One code."""

    example: ClassVar = {
        "number": int(Code.NO_FACE),
        "name": Code.NO_FACE.name,
        "message": Code.NO_FACE.message,
        "cause": Code.NO_FACE.cause,
        "http_status": Code.NO_FACE.status,
        "kind": Code.NO_FACE.kind.value,
        "caller": Code.NO_FACE.caller_does,
        "operator": Code.NO_FACE.operator_does,
        "retry": Code.NO_FACE.retry,
    }

    number: int
    name: str
    message: str
    cause: str
    """What makes the server answer with it."""
    http_status: int
    kind: Literal["success", "verdict", "caller", "server", "detail"]
    """`detail` codes appear inside results only."""
    caller: str
    """What the caller can do."""
    operator: str
    """What the operator can do."""
    retry: bool
    """Whether the same call can succeed later, without any change to it."""
    today: int | SkipJsonSchema[None] = None
    """For operators: how often it was answered today."""
    counted_since: str | SkipJsonSchema[None] = None
    """For operators: when counting began."""


class CodePath(Shape):
    """Which code."""

    example: ClassVar = {"number": int(Code.NO_FACE)}

    number: Annotated[int, Field(ge=0)]
    """The code's number."""


class Alive(Shape):
    """The process answers."""

    example: ClassVar = {"alive": True}

    alive: Literal[True]


class LivenessAbout(Shape):
    """Which liveness engines judge, and the error rates (0 to 1, by name) that were measured of them."""

    engines: list[str]
    reaches: dict[str, float]


class Ready(Shape):
    """The server can serve requests."""

    example: ClassVar = {
        "ready": True,
        "settings": int(Code.ENV_VALID),
        "liveness": {"engines": ["cnn"], "reaches": {"apcer": 0.02}},
    }

    ready: Literal[True]
    settings: int
    liveness: LivenessAbout | None


class NotReady(Refused):
    """What the server lacks. `reasons` are shown to operators: each missing part with its code."""

    example: ClassVar = {"ready": False}


class CodesResults(Shape):
    """Every code by its number."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, CodeEntry] = Field(init=False)

    example: ClassVar = {str(int(Code.NO_FACE)): CodeEntry.example}


class EndpointsResults(Shape):
    """The summary of each endpoint by method and path."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str] = Field(init=False)

    example: ClassVar = {"POST /verify": "Verify an upload's photos."}


class FilePath(Shape):
    """Which file of the console."""

    example: ClassVar = {"name": "main.js"}

    name: str
    """Its name."""
