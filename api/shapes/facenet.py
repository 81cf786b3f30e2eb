"""The person / face API."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.bodies import MULTIPART
from api.openapi import JSON, Shape, Stage
from api.shapes.common import EXAMPLE_FACE, EXAMPLE_ID, Name, PersonId, bodies
from api.shapes.compare import Decided, Embedding
from api.shapes.people import Receipt

MOST_PAGES = 10**8


class PageQuery(Shape):
    """Which page."""

    page: Annotated[int, Field(ge=1, le=MOST_PAGES)] | SkipJsonSchema[None] = Field(None, examples=[1])
    """1 by default."""
    page_size: Annotated[int, Field(ge=1, le=100)] | SkipJsonSchema[None] = None
    """50 by default."""


class NewPerson(Shape):
    """A person to be."""

    name: Name
    reco_id: PersonId


class CreatedPerson(Shape):
    """The person."""

    id: str = Field(examples=[EXAMPLE_ID])
    """What the other endpoints call the person: `reco_id`."""
    name: str = Field(examples=["Ada Lovelace"])
    faces: int = Field(examples=[0])


class _Page(Shape):
    count: int = Field(examples=[1])
    """How many there are on all pages."""
    page: int = Field(examples=[1])
    pages: int = Field(examples=[1])


class PeopleWithFaces(_Page):
    """A page of people."""

    people: list[CreatedPerson]


class FaceRow(Shape):
    """A face."""

    id: str = Field(examples=[EXAMPLE_FACE])
    person_id: str = Field(examples=[EXAMPLE_ID])
    created: int = Field(examples=[1795737600])
    """In seconds since 1970."""


class FacesOfPerson(Shape):
    """A person's faces, oldest first."""

    faces: list[FaceRow]


class AllFaces(FacesOfPerson, _Page):
    """A page of all faces, oldest first."""


class _NewFace(Shape):
    person_id: PersonId


class _Linear(Shape):
    person_id: PersonId | Literal[""] | SkipJsonSchema[None] = None
    """Compare with this person's faces alone."""
    limit: Annotated[int, Field(ge=1, le=1000)] | SkipJsonSchema[None] = None
    """How many faces the reply lists, 50 by default."""


_KINDS = (JSON, MULTIPART)
FACE_IMAGE = bodies("FaceImage", Shape, "image", kinds=_KINDS)
NEW_FACE = bodies("NewFace", _NewFace, "image", kinds=_KINDS)
LINEAR = bodies("Linear", _Linear, "image", kinds=_KINDS)


class CreatedFace(Shape):
    """The face."""

    id: str = Field(examples=[EXAMPLE_FACE])
    person_id: str = Field(examples=[EXAMPLE_ID])


class DeletedFace(Shape):
    """That the face is gone; the receipt where the person is gone with it."""

    receipt: Receipt | None


class ComparedFace(FaceRow, Decided):
    """A face, and how near it is."""

    distances: dict[str, float | None] = Field(examples=[{"Dlib": 0.0412, "SFace": 0.2177}])
    """By model."""


class LinearResults(Shape):
    """The enrolled faces, nearest first."""

    faces: list[ComparedFace]
    compared: int = Field(examples=[12])
    calibrated: bool = Field(examples=[True])
    stages: list[Stage]


class EmbeddingsOfFace(FaceRow):
    """A face's embeddings by model."""

    embeddings: dict[str, Embedding] = Field(examples=[{"SFace": Embedding.example()}])


class HelpResults(Shape):
    """What an endpoint does, by method."""

    path: str = Field(examples=["/api/person/create"])
    methods: dict[str, dict[str, Any]] = Field(
        examples=[
            {
                "POST": {
                    "purpose": "Make a person.",
                    "scope": "enrol",
                    "parameters": {},
                    "fields": {"application/json": {"name": "", "reco_id": ""}},
                    "example": {"code": 101, "message": "Done.", "results": {}, "system_errors": None},
                }
            }
        ]
    )
