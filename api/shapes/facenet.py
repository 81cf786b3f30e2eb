"""The person / face API."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape, Stage
from api.shapes.common import EXAMPLE_ID, Base64, Name, PersonId
from api.shapes.compare import Embedding
from api.shapes.people import EXAMPLE_FACE, Receipt

MOST_PAGES = 10**8
_MADE = 1795737600


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


class PeopleWithFaces(Shape):
    """A page of people."""

    count: int = Field(examples=[1])
    """People on all pages."""
    page: int = Field(examples=[1])
    pages: int = Field(examples=[1])
    people: list[CreatedPerson]


class FaceIdPath(Shape):
    """Which face."""

    face_id: str = Field(examples=[EXAMPLE_FACE])


class FaceRow(Shape):
    """A face."""

    id: str = Field(examples=[EXAMPLE_FACE])
    person_id: str = Field(examples=[EXAMPLE_ID])
    created: int = Field(examples=[1795737600])
    """In seconds since 1970."""


class FacesOfPerson(Shape):
    """A person's faces, oldest first."""

    faces: list[FaceRow]


class AllFaces(FacesOfPerson):
    """A page of all faces, oldest first."""

    count: int = Field(examples=[1])
    page: int = Field(examples=[1])
    pages: int = Field(examples=[1])


class FaceImageFiles(Shape):
    """One photo as a file."""

    image: bytes


class FaceImageJson(Shape):
    """One photo as base64 text."""

    image: Base64


class NewFaceFiles(FaceImageFiles):
    """One photo as a file, and whom it shows."""

    person_id: PersonId


class NewFaceJson(FaceImageJson):
    """One photo as base64 text, and whom it shows."""

    person_id: PersonId


class CreatedFace(Shape):
    """The face."""

    id: str = Field(examples=[EXAMPLE_FACE])
    person_id: str = Field(examples=[EXAMPLE_ID])


class DeletedFace(Shape):
    """That the face is gone; the receipt where the person is gone with it."""

    receipt: Receipt | None


class LinearFiles(FaceImageFiles):
    """One photo as a file."""

    person_id: PersonId | Literal[""] | SkipJsonSchema[None] = None
    """Compare with this person's faces alone."""
    limit: Annotated[int, Field(ge=1, le=1000)] | SkipJsonSchema[None] = None
    """How many faces the reply lists, 50 by default."""


class LinearJson(FaceImageJson):
    """One photo as base64 text."""

    person_id: PersonId | Literal[""] | SkipJsonSchema[None] = None
    limit: Annotated[int, Field(ge=1, le=1000)] | SkipJsonSchema[None] = None


class ComparedFace(FaceRow):
    """A face, and how near it is."""

    distances: dict[str, float | None] = Field(examples=[{"Dlib": 0.0412, "SFace": 0.2177}])
    """By model."""
    score: float | None = Field(examples=[-5.4182])
    """The fused distance, lower is closer."""
    threshold: float | None = Field(examples=[-3.2071])
    fmr_at_score: float | None = Field(examples=[1.3e-06])
    """How often two strangers' photos reach this score; null where the models are not calibrated."""
    accepted: bool = Field(examples=[True])


class LinearResults(Shape):
    """The enrolled faces, nearest first."""

    faces: list[ComparedFace]
    compared: int = Field(examples=[12])
    calibrated: bool = Field(examples=[True])
    stages: list[Stage]


class EmbeddingsOfFace(FaceRow):
    """A face's embeddings by model."""

    embeddings: dict[str, Embedding] = Field(examples=[{"SFace": Embedding.example()}])


class HelpPath(Shape):
    """Which endpoint."""

    path: str = Field(examples=["api/person/create"])


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
