"""CompreFace's requests and replies."""

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

from api.bodies import MULTIPART
from api.openapi import JSON, Shape
from api.shapes.common import Name, bodies
from api.shapes.people import Receipt

_ImageId = Annotated[str, Field(examples=["6b135f5b-a365-4522-b1f1-4c9ac2dd0728"])]
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

    @classmethod
    def example(cls) -> Any:
        """Return the list."""
        return super().example()["items"]


class CompreFaceError(Shape):
    """Why the call was refused."""

    message: str = Field(examples=["Could not detect a face in any of the images."])
    code: Annotated[int, Field(ge=0, le=44, examples=[28])]
    """CompreFace's number."""
    faceapp_code: int = Field(examples=[630])
    """This server's own number, as GET /codes explains it."""


class SubjectName(Shape):
    """A subject's name."""

    subject: Name


class Subject(Shape):
    """A subject."""

    subject: str = Field(examples=["Ada Lovelace"])


class DeletedSubject(Subject):
    """A subject who is forgotten."""

    receipt: Receipt


class SubjectList(Shape):
    """All subjects."""

    subjects: list[str] = Field(examples=[["Ada Lovelace"]])


class DeletedCount(Shape):
    """How many were deleted."""

    deleted: int = Field(examples=[3])


class Updated(Shape):
    """That the name is changed."""

    updated: bool = Field(examples=[True])


class SubjectQuery(Shape):
    """Whose images; all subjects' without a name."""

    subject: str | SkipJsonSchema[None] = Field(None, examples=["Ada Lovelace"])


class ImagePageQuery(SubjectQuery):
    """Which page, counted from 0."""

    page: Annotated[int, Field(ge=0, le=10**8)] | SkipJsonSchema[None] = None
    size: Annotated[int, Field(ge=1, le=1000)] | SkipJsonSchema[None] = None
    """20 by default."""


class NewImageQuery(Shape):
    """Whose image it is."""

    subject: Name
    det_prob_threshold: Share | SkipJsonSchema[None] = None
    """The least confidence of a face."""


_KINDS = (JSON, MULTIPART)
ONE_PHOTO = bodies("OnePhoto", Shape, "file", kinds=_KINDS)
TWO_PHOTOS = bodies("TwoPhotos", Shape, "source_image", "target_image", kinds=_KINDS)


class ImageRow(Shape):
    """An image of a subject."""

    image_id: _ImageId
    """A UUID."""
    subject: str = Field(examples=["Ada Lovelace"])


class AddedImage(ImageRow):
    """An image that was added."""

    warnings: list[str] | SkipJsonSchema[None] = None
    """Where the face is not live, and LIVENESS_FOR_COMPREFACE is `warn`."""


class ImageRows(Bare):
    """Images that were deleted."""

    items: list[ImageRow]


class ImageIds(Bare):
    """Ids of images."""

    items: list[_ImageId]


class ImagePage(Shape):
    """A page of images."""

    faces: list[ImageRow]
    page_number: int = Field(examples=[0])
    page_size: int = Field(examples=[20])
    total_pages: int = Field(examples=[1])
    total_elements: int = Field(examples=[1])
