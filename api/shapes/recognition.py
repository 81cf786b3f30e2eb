"""The ArcFace service's requests and replies."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import EXAMPLE_ID, Base64, Files, FormBase64, QueryFlag
from api.shapes.pipeline import EXAMPLE_PNG


class RecognitionBody(Shape):
    """A photo."""

    example: ClassVar = {"file": EXAMPLE_PNG}

    file: Base64


class RecognitionForm(Shape):
    """A photo in a form."""

    example: ClassVar = {"file": EXAMPLE_PNG}

    file: FormBase64


class RecognitionFiles(Shape):
    """A photo as a file."""

    encoding: ClassVar = {"file": {"contentType": "image/*"}}

    file: Files


class RecognitionQuery(Shape):
    """What the reply holds."""

    example: ClassVar = {"all": "true"}

    all: QueryFlag = "false"
    """`true` lists every face of the photo."""


class RecognitionFace(Shape):
    """A face of the photo; name `Unknown` and nulls where it is nobody's."""

    box: Annotated[list[int], Field(min_length=4, max_length=4)]
    """Left, top, width, height in pixels of the upright photo."""
    name: str
    id: str | None
    distance: float | None
    false_positive_rate: float | None
    """The share of strangers whose search would find somebody as near."""


class RecognitionResult(Shape):
    """Whose face it is."""

    example: ClassVar = {
        "result": "Ada Lovelace",
        "faces": [
            {
                "box": [81, 63, 88, 118],
                "name": "Ada Lovelace",
                "id": EXAMPLE_ID,
                "distance": 0.0214,
                "false_positive_rate": 1e-06,
            }
        ],
    }

    result: str
    """The largest face's name, or `Unknown`."""
    faces: list[RecognitionFace] | SkipJsonSchema[None] = None
    """Every face, the largest first; with `all=true`."""


class RecognitionHelp(Shape):
    """How the endpoint is called."""

    example: ClassVar = {"result": "POST JSON", "methods": ["GET", "POST"], "fields": {"file": "base64"}}

    result: str
    methods: list[str]
    fields: dict[str, str]


class RecognitionError(Shape):
    """Why there is no name."""

    example: ClassVar = {
        "result": "error during prediction",
        "error": "There was a problem with base64 string.",
        "code": 193,
    }

    result: str
    error: str
    code: int
