"""The person / face API."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape, Stage
from api.openapi.shapes import STAGE_EXAMPLE
from api.shapes.common import EXAMPLE_ID, Base64, Name, PersonId
from api.shapes.compare import Embedding
from api.shapes.people import EXAMPLE_FACE, ForgottenResults, Receipt
from api.shapes.pipeline import EXAMPLE_PNG

MOST_PAGES = 10**8
_MADE = 1795737600


class PageQuery(Shape):
    """Which page."""

    example: ClassVar = {"page": 1}

    page: Annotated[int, Field(ge=1, le=MOST_PAGES)] | SkipJsonSchema[None] = None
    """1 by default."""
    page_size: Annotated[int, Field(ge=1, le=100)] | SkipJsonSchema[None] = None
    """50 by default."""


class NewPerson(Shape):
    """A person to be."""

    example: ClassVar = {"name": "Ada Lovelace", "reco_id": EXAMPLE_ID}

    name: Name
    reco_id: PersonId


class CreatedPerson(Shape):
    """The person."""

    example: ClassVar = {"id": EXAMPLE_ID, "name": "Ada Lovelace", "faces": 0}

    id: str
    """What the other endpoints call the person: `reco_id`."""
    name: str
    faces: int


class PeopleWithFaces(Shape):
    """A page of people."""

    example: ClassVar = {"count": 1, "page": 1, "pages": 1, "people": [{**CreatedPerson.example, "faces": 2}]}

    count: int
    """People on all pages."""
    page: int
    pages: int
    people: list[CreatedPerson]


class FaceIdPath(Shape):
    """Which face."""

    example: ClassVar = {"face_id": EXAMPLE_FACE}

    face_id: str


class FaceRow(Shape):
    """A face."""

    id: str
    person_id: str
    created: int
    """In seconds since 1970."""


_FACE = {"id": EXAMPLE_FACE, "person_id": EXAMPLE_ID, "created": _MADE}


class FacesOfPerson(Shape):
    """A person's faces, oldest first."""

    example: ClassVar = {"faces": [_FACE]}

    faces: list[FaceRow]


class AllFaces(FacesOfPerson):
    """A page of all faces, oldest first."""

    example: ClassVar = {"count": 1, "page": 1, "pages": 1, "faces": [_FACE]}

    count: int
    page: int
    pages: int


class FaceImageFiles(Shape):
    """One photo as a file."""

    encoding: ClassVar = {"image": {"contentType": "image/*"}}

    image: bytes


class FaceImageJson(Shape):
    """One photo as base64 text."""

    example: ClassVar = {"image": EXAMPLE_PNG}

    image: Base64


class NewFaceFiles(FaceImageFiles):
    """One photo as a file, and whom it shows."""

    person_id: PersonId


class NewFaceJson(FaceImageJson):
    """One photo as base64 text, and whom it shows."""

    example: ClassVar = {"person_id": EXAMPLE_ID, "image": EXAMPLE_PNG}

    person_id: PersonId


class CreatedFace(Shape):
    """The face."""

    example: ClassVar = {"id": EXAMPLE_FACE, "person_id": EXAMPLE_ID}

    id: str
    person_id: str


class DeletedFace(Shape):
    """That the face is gone; the receipt where the person is gone with it."""

    example: ClassVar[Any] = {"receipt": ForgottenResults.example["receipt"]}

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

    distances: dict[str, float | None]
    """By model."""
    score: float | None
    """The fused distance, lower is closer."""
    threshold: float | None
    fmr_at_score: float | None
    """How often two strangers' photos reach this score; null where the models are not calibrated."""
    accepted: bool


class LinearResults(Shape):
    """The enrolled faces, nearest first."""

    example: ClassVar = {
        "faces": [
            {
                **_FACE,
                "distances": {"Dlib": 0.0412, "SFace": 0.2177},
                "score": -5.4182,
                "threshold": -3.2071,
                "fmr_at_score": 1.3e-06,
                "accepted": True,
            }
        ],
        "compared": 12,
        "calibrated": True,
        "stages": [STAGE_EXAMPLE],
    }

    faces: list[ComparedFace]
    compared: int
    calibrated: bool
    stages: list[Stage]


class EmbeddingsOfFace(FaceRow):
    """A face's embeddings by model."""

    example: ClassVar = {
        **_FACE,
        "embeddings": {"SFace": {"version": "6f1c0a59d3b2e784", "vector": [0.31, -1.27, 0.84]}},
    }

    embeddings: dict[str, Embedding]


class HelpPath(Shape):
    """Which endpoint."""

    example: ClassVar = {"path": "api/person/create"}

    path: str


class HelpResults(Shape):
    """What an endpoint does, by method."""

    example: ClassVar = {
        "path": "/api/person/create",
        "methods": {
            "POST": {
                "purpose": "Make a person.",
                "scope": "enrol",
                "parameters": {},
                "fields": {"application/json": {"name": "", "reco_id": ""}},
                "example": {"code": 101, "message": "Done.", "results": {}, "system_errors": None},
            }
        },
    }

    path: str
    methods: dict[str, dict[str, Any]]
