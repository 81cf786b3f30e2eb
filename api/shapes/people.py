"""People, and what is counted about them."""

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import EXAMPLE_FACE, EXAMPLE_ID, Name, PersonId

MOST_AUGMENTED = 10_000


class Receipt(Shape):
    """Signed proof that a person was forgotten."""

    format: str = Field(examples=["faceapp receipt 1"])
    person: str = Field(examples=["9f0c1b1e1c6d4a7b"])
    """A pseudonym that only this installation can compute from the ID."""
    time: str = Field(examples=["2026-11-26T12:00:00+00:00"])
    removed: dict[str, int] = Field(examples=[{"rows": 1, "embeddings": 2}])
    """Counts by kind."""
    signature: str = Field(examples=["5e0f1c6b7d2a4e8f9b3c"])
    """HMAC-SHA256 over the rest as JSON with sorted keys and no spaces."""


class ForgottenResults(Shape):
    """That nothing is stored about the person any more."""

    receipt: Receipt


class PeoplePageQuery(Shape):
    """Which people."""

    search: str | SkipJsonSchema[None] = Field(None, examples=["lovelace"])
    """Text in the ID or the name."""
    after: str | SkipJsonSchema[None] = None
    """The ID that `next` of the page before named."""
    limit: Annotated[int, Field(ge=1, le=100)] | SkipJsonSchema[None] = Field(None, examples=[50])
    """People of a page, 50 by default."""


class PersonRow(Shape):
    """A person."""

    id: str = Field(examples=[EXAMPLE_ID])
    name: str = Field(examples=["Ada Lovelace"])


class RenamedResults(PersonRow):
    """The person, with the new name."""


class PeoplePage(Shape):
    """A page of people, by ID."""

    people: list[PersonRow]
    next: str | None
    """The `after` of the next page, null on the last one."""


class EnrolledFaceRow(Shape):
    """A face that somebody is enrolled with."""

    face_id: str = Field(examples=[EXAMPLE_FACE])
    made: int = Field(examples=[1795737600])
    """When it was enrolled, in seconds since 1970."""


class PersonFaces(PersonRow):
    """A person and the faces, oldest first."""

    since: int | None = Field(examples=[1795737600])
    """When the person was first enrolled, in seconds since 1970."""
    consent: str | None = Field(examples=["consent form 2026-117"])
    """The reference to the consent that was sent with an enrolment."""
    retain_until: int | None
    """When the person is forgotten, in seconds since 1970; null where no date was sent."""
    faces: list[EnrolledFaceRow]


class FacePictureQuery(Shape):
    """Which of a face's pictures."""

    augmented: Annotated[int, Field(ge=0, le=MOST_AUGMENTED)] = Field(0, examples=[1])
    """Its augmentation of this number, from 1; 0 for the face itself."""


class RenameForm(Shape):
    """The new name."""

    name: Name = Field(examples=["Ada King"])


class MoveForm(Shape):
    """Whose face it is."""

    to: PersonId = Field(examples=["RECO_ID_000025"])
    """The other person's ID."""


class AnyIdPath(Shape):
    """Whose failures are counted: any text that was sent as an ID."""

    person_id: str = Field(examples=[EXAMPLE_ID])
    """The ID."""


class LiftedResults(Shape):
    """The ID that may be verified again."""

    id: str = Field(examples=[EXAMPLE_ID])
