"""Codes, health, jobs, and the list of endpoints."""

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Refused, Shape
from codes_dict import Code


class CodeEntry(Shape):
    """One code."""

    number: int = Field(examples=[int(Code.NO_FACE)])
    name: str = Field(examples=[Code.NO_FACE.name])
    message: str = Field(examples=[Code.NO_FACE.message])
    cause: str = Field(examples=[Code.NO_FACE.cause])
    """What makes the server answer with it."""
    http_status: int = Field(examples=[Code.NO_FACE.status])
    kind: Literal["success", "verdict", "caller", "server", "detail"] = Field(examples=[Code.NO_FACE.kind.value])
    """`detail` codes appear inside results only."""
    caller: str = Field(examples=[Code.NO_FACE.caller_does])
    """What the caller can do."""
    operator: str = Field(examples=[Code.NO_FACE.operator_does])
    """What the operator can do."""
    retry: bool = Field(examples=[Code.NO_FACE.retry])
    """Whether the same call can succeed later, without any change to it."""
    today: int | SkipJsonSchema[None] = None
    """For operators: how often it was answered today."""
    counted_since: str | SkipJsonSchema[None] = None
    """For operators: when counting began."""


class Alive(Shape):
    """The process answers."""

    alive: Literal[True]


class LivenessAbout(Shape):
    """Which liveness engines judge, and the error rates (0 to 1, by name) that were measured of them."""

    engines: list[str] = Field(examples=[["cnn"]])
    reaches: dict[str, float] = Field(examples=[{"apcer": 0.02}])


class Ready(Shape):
    """The server can serve requests."""

    ready: Literal[True]
    settings: int = Field(examples=[int(Code.ENV_VALID)])
    liveness: LivenessAbout | None


class NotReady(Refused):
    """What the server lacks. `reasons` are shown to operators: each missing part with its code."""

    other_keys: ClassVar = {"ready": False}


class CodesResults(Shape):
    """Every code by its number."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, CodeEntry] = Field(init=False)
    other_keys: ClassVar = {str(int(Code.NO_FACE)): CodeEntry.example()}


class EndpointsResults(Shape):
    """The summary of each endpoint by method and path."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str] = Field(init=False)
    other_keys: ClassVar = {"POST /verify": "Verify an upload's photos."}


class JobEnding(Shape):
    """What the request would have been answered."""

    code: int
    message: str
    results: dict[str, Any]


class JobResults(Shape):
    """How far the work is."""

    job: str = Field(examples=["0a1b2c3d-00112233445566778899aabbccddeeff"])
    kind: str = Field(examples=["train"])
    state: Literal["running", "done", "failed", "lost"] = Field(examples=["running"])
    """`lost`: another process ran it. Send the request again."""
    progress: float = Field(examples=[0.25])
    """The share that is done, 0 to 1."""
    seconds: float | None = Field(examples=[1.5])
    result: JobEnding | None
    """Null while the job is running."""
