"""People, and what is counted about them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import EXAMPLE_ID, Name, PersonId, PersonPath

MOST_AUGMENTED = 10_000


class Receipt(Shape):
    """Signed proof that a person was forgotten."""

    format: str
    person: str
    """A pseudonym that only this installation can compute from the ID."""
    time: str
    removed: dict[str, int]
    """Counts by kind."""
    signature: str
    """HMAC-SHA256 over the rest as JSON with sorted keys and no spaces."""


class ForgottenResults(Shape):
    """That nothing is stored about the person any more."""

    example: ClassVar = {
        "receipt": {
            "format": "faceapp receipt 1",
            "person": "9f0c1b1e1c6d4a7b",
            "time": "2026-11-26T12:00:00+00:00",
            "removed": {"rows": 1, "embeddings": 2},
            "signature": "5e0f1c6b7d2a4e8f9b3c",
        }
    }

    receipt: Receipt


class PeoplePageQuery(Shape):
    """Which people."""

    example: ClassVar = {"search": "lovelace", "limit": 50}

    search: str | SkipJsonSchema[None] = None
    """Text in the ID or the name."""
    after: str | SkipJsonSchema[None] = None
    """The ID that `next` of the page before named."""
    limit: Annotated[int, Field(ge=1, le=100)] | SkipJsonSchema[None] = None
    """People of a page, 50 by default."""


class PersonRow(Shape):
    """A person."""

    example: ClassVar = {"id": EXAMPLE_ID, "name": "Ada Lovelace"}

    id: str
    name: str


class RenamedResults(PersonRow):
    """The person, with the new name."""


class PeoplePage(Shape):
    """A page of people, by ID."""

    example: ClassVar = {"people": [PersonRow.example], "next": None}

    people: list[PersonRow]
    next: str | None
    """The `after` of the next page, null on the last one."""


class EnrolledFaceRow(Shape):
    """A face that somebody is enrolled with."""

    face_id: str
    made: int
    """When it was enrolled, in seconds since 1970."""


EXAMPLE_FACE = "407f63744da05f05c75d41bdf14c6157_01"


class PersonFaces(PersonRow):
    """A person and the faces, oldest first."""

    example: ClassVar = {
        **PersonRow.example,
        "since": 1795737600,
        "consent": "consent form 2026-117",
        "retain_until": None,
        "faces": [{"face_id": EXAMPLE_FACE, "made": 1795737600}],
    }

    since: int | None
    """When the person was first enrolled, in seconds since 1970."""
    consent: str | None
    """The reference to the consent that was sent with an enrolment."""
    retain_until: int | None
    """When the person is forgotten, in seconds since 1970; null where no date was sent."""
    faces: list[EnrolledFaceRow]


class FacePath(PersonPath):
    """Which face of whom."""

    example: ClassVar = {"person_id": EXAMPLE_ID, "face_id": EXAMPLE_FACE}

    face_id: str
    """The face's id, as /people/ID lists it."""


class FacePictureQuery(Shape):
    """Which of a face's pictures."""

    example: ClassVar = {"augmented": 1}

    augmented: Annotated[int, Field(ge=0, le=MOST_AUGMENTED)] = 0
    """Its augmentation of this number, from 1; 0 for the face itself."""


class RenameForm(Shape):
    """The new name."""

    example: ClassVar = {"name": "Ada King"}

    name: Name


class MoveForm(Shape):
    """Whose face it is."""

    example: ClassVar = {"to": "RECO_ID_000025"}

    to: PersonId
    """The other person's ID."""


class AnyIdPath(Shape):
    """Whose failures are counted: any text that was sent as an ID."""

    example: ClassVar = {"person_id": EXAMPLE_ID}

    person_id: str
    """The ID."""


class LiftedResults(Shape):
    """The ID that may be verified again."""

    example: ClassVar = {"id": EXAMPLE_ID}

    id: str
