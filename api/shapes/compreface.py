"""CompreFace's requests and replies."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

from api.openapi import Shape
from api.shapes.common import Base64, Name
from api.shapes.people import ForgottenResults, Receipt
from api.shapes.pipeline import EXAMPLE_PNG

_IMAGE = "6b135f5b-a365-4522-b1f1-4c9ac2dd0728"
EXAMPLE_SUBJECT = "Ada Lovelace"
_ROW = {"image_id": _IMAGE, "subject": EXAMPLE_SUBJECT}
Share = Annotated[float, Field(ge=0, le=1)]


class Bare(Shape):
    """Base of bodies that are lists: that of the field `items`."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        items = schema.get("properties", {}).get("items", {})
        for key in set(schema) - {"title", "description"}:
            del schema[key]
        schema.update(items)
        return reference


class CompreFaceError(Shape):
    """Why the call was refused."""

    example: ClassVar = {"message": "Could not detect a face in any of the images.", "code": 28, "faceapp_code": 630}

    message: str
    code: Annotated[int, Field(ge=0, le=44)]
    """CompreFace's number."""
    faceapp_code: int
    """This server's own number, as GET /codes explains it."""


class SubjectPath(Shape):
    """Which subject."""

    example: ClassVar = {"subject": EXAMPLE_SUBJECT}

    subject: Annotated[str, Field(min_length=1)]


class SubjectName(Shape):
    """A subject's name."""

    example: ClassVar = {"subject": EXAMPLE_SUBJECT}

    subject: Name


class Subject(Shape):
    """A subject."""

    example: ClassVar = {"subject": EXAMPLE_SUBJECT}

    subject: str


class DeletedSubject(Subject):
    """A subject who is forgotten."""

    example: ClassVar[Any] = {"subject": EXAMPLE_SUBJECT, "receipt": ForgottenResults.example["receipt"]}

    receipt: Receipt


class SubjectList(Shape):
    """All subjects."""

    example: ClassVar = {"subjects": [EXAMPLE_SUBJECT]}

    subjects: list[str]


class DeletedCount(Shape):
    """How many were deleted."""

    example: ClassVar = {"deleted": 3}

    deleted: int


class Updated(Shape):
    """That the name is changed."""

    example: ClassVar = {"updated": True}

    updated: bool


class SubjectQuery(Shape):
    """Whose images; all subjects' without a name."""

    example: ClassVar = {"subject": EXAMPLE_SUBJECT}

    subject: str | SkipJsonSchema[None] = None


class ImagePageQuery(SubjectQuery):
    """Which page, counted from 0."""

    page: Annotated[int, Field(ge=0, le=10**8)] | SkipJsonSchema[None] = None
    size: Annotated[int, Field(ge=1, le=1000)] | SkipJsonSchema[None] = None
    """20 by default."""


class NewImageQuery(Shape):
    """Whose image it is."""

    example: ClassVar = {"subject": EXAMPLE_SUBJECT}

    subject: Name
    det_prob_threshold: Share | SkipJsonSchema[None] = None
    """The least confidence of a face."""


class ImagePath(Shape):
    """Which image."""

    example: ClassVar = {"image_id": _IMAGE}

    image_id: str


class StaticPath(ImagePath):
    """The caller's key, and which image."""

    example: ClassVar = {"api_key": "<key>", "image_id": _IMAGE}

    api_key: str


class PhotoFilesForm(Shape):
    """One photo as a file."""

    encoding: ClassVar = {"file": {"contentType": "image/*"}}

    file: bytes


class FileBody(Shape):
    """One photo as base64 text."""

    example: ClassVar = {"file": EXAMPLE_PNG}

    file: Base64


class TwoFilesForm(Shape):
    """Two photos as files."""

    encoding: ClassVar = {"source_image": {"contentType": "image/*"}, "target_image": {"contentType": "image/*"}}

    source_image: bytes
    """Shows one person."""
    target_image: bytes


class TwoFilesBody(Shape):
    """Two photos as base64 text."""

    example: ClassVar = {"source_image": EXAMPLE_PNG, "target_image": EXAMPLE_PNG}

    source_image: Base64
    target_image: Base64


class ImageRow(Shape):
    """An image of a subject."""

    example: ClassVar = _ROW

    image_id: str
    """A UUID."""
    subject: str


class AddedImage(ImageRow):
    """An image that was added."""

    warnings: list[str] | SkipJsonSchema[None] = None
    """Where the face is not live, and LIVENESS_FOR_COMPREFACE is `warn`."""


class ImageRows(Bare):
    """Images that were deleted."""

    example: ClassVar[Any] = [_ROW]

    items: list[ImageRow]


class ImageIds(Bare):
    """Ids of images."""

    example: ClassVar[Any] = [_IMAGE]

    items: list[str]


class ImagePage(Shape):
    """A page of images."""

    example: ClassVar = {"faces": [_ROW], "page_number": 0, "page_size": 20, "total_pages": 1, "total_elements": 1}

    faces: list[ImageRow]
    page_number: int
    page_size: int
    total_pages: int
    total_elements: int
