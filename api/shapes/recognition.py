"""The ArcFace service's requests and replies."""

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import EXAMPLE_ID, QueryFlag, bodies

RECOGNITION = bodies("Recognition", Shape, "file")


class RecognitionQuery(Shape):
    """What the reply holds."""

    all: QueryFlag = Field("false", examples=["true"])
    """`true` lists every face of the photo."""


class RecognitionFace(Shape):
    """A face of the photo; name `Unknown` and nulls where it is nobody's."""

    box: Annotated[list[int], Field(min_length=4, max_length=4, examples=[[81, 63, 88, 118]])]
    """Left, top, width, height in pixels of the upright photo."""
    name: str = Field(examples=["Ada Lovelace"])
    id: str | None = Field(examples=[EXAMPLE_ID])
    distance: float | None = Field(examples=[0.0214])
    false_positive_rate: float | None = Field(examples=[1e-06])
    """The share of strangers whose search would find somebody as near."""


class RecognitionResult(Shape):
    """Whose face it is."""

    result: str = Field(examples=["Ada Lovelace"])
    """The largest face's name, or `Unknown`."""
    faces: list[RecognitionFace] | SkipJsonSchema[None] = Field(None, examples=[[RecognitionFace.example()]])
    """Every face, the largest first; with `all=true`."""


class RecognitionHelp(Shape):
    """How the endpoint is called."""

    result: str = Field(examples=["POST JSON"])
    methods: list[str] = Field(examples=[["GET", "POST"]])
    fields: dict[str, str] = Field(examples=[{"file": "base64"}])


class RecognitionError(Shape):
    """Why there is no name."""

    result: str = Field(examples=["error during prediction"])
    error: str = Field(examples=["There was a problem with base64 string."])
    code: int = Field(examples=[193])
