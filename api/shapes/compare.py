"""Endpoints that take photos and keep nothing of them."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Refused, Shape, Stage
from api.shapes.common import EXAMPLE_ID, EXAMPLE_PNG, Files, Photos, QueryFlag
from api.shapes.pipeline import Check

WhichSet = Annotated[str, Field(pattern=r"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[AaBb]|0|1)$")]
"""`a` or `b`, or `true` for the usual one of the two."""
Limit = Annotated[int, Field(ge=1, le=50)]
Box = Annotated[list[int], Field(min_length=4, max_length=4, examples=[[320, 180, 240, 310]])]
"""Left, top, width, height in pixels of the upright photo."""


class CompareFiles(Shape):
    """Two photos, or two sets of photos, as files."""

    a: Files
    """Who the person is said to be."""
    b: Files
    """The photos to check."""
    live: WhichSet | SkipJsonSchema[None] = None
    """The set that is a selfie, usually b: it has to be live."""
    document: WhichSet | SkipJsonSchema[None] = None
    """The set that is an ID card or passport, usually a: its largest face counts."""


class CompareJson(Shape):
    """Two photos, or two sets of photos, as base64 text."""

    a: Photos = Field(examples=[EXAMPLE_PNG])
    b: Photos = Field(examples=[[EXAMPLE_PNG]])
    live: bool | Literal[0, 1] | WhichSet | SkipJsonSchema[None] = Field(None, examples=[True])
    document: bool | Literal[0, 1] | WhichSet | SkipJsonSchema[None] = None


class PhotoQuality(Shape):
    """A photo's score, 0 to 10, null where the file is no photo, and the checks behind it."""

    score: float | None = Field(examples=[9.412])
    reasons: list[Check]


class Verdict(Shape):
    """Liveness of a face: the probability of an attack, 0 to 1, and its threshold."""

    state: Literal["live", "spoof", "uncertain"] = Field(examples=["live"])
    score: float = Field(examples=[0.0312])
    threshold: float = Field(examples=[0.5])
    reason: str = Field(examples=[""])


class FoundBox(Shape):
    """A face."""

    box: Box
    landmarks: list[list[float]] = Field(
        examples=[[[390.2, 300.1], [498.7, 298.4], [446.0, 362.9], [401.5, 420.3], [489.8, 418.8]]]
    )
    """Five points (x, y) in pixels of the upright photo: eyes, tip of the nose, corners of the mouth."""
    confidence: float = Field(examples=[0.9998])
    """The detector's, 0 to 1."""


class Decided(Shape):
    """Whether two faces are one person's."""

    accepted: bool = Field(examples=[True])
    score: float | None = Field(examples=[-5.4182])
    """The fused distance, lower is closer."""
    threshold: float | None = Field(examples=[-3.2071])
    """The score at or under which the photos are accepted."""
    fmr_at_score: float | None = Field(examples=[1.3e-06])
    """How often two strangers' photos reach this score; null where that was not measured, as for documents."""


class CompareResults(Decided):
    """Whether the photos show the same person."""

    calibrated: bool = Field(examples=[True])
    quality: dict[str, dict[str, PhotoQuality]] = Field(
        examples=[{"a": {"passport.jpg": PhotoQuality.example()}, "b": {"selfie.jpg": PhotoQuality.example()}}]
    )
    """Each photo's score, by set."""
    faces: dict[str, dict[str, FoundBox]] = Field(
        examples=[{"a": {"passport.jpg": FoundBox.example()}, "b": {"selfie.jpg": FoundBox.example()}}]
    )
    """The face that was compared, by set and photo."""
    liveness: dict[str, Verdict] | None = Field(examples=[{"selfie.jpg": Verdict.example()}])
    """The selfie's, by photo; null where `live` was not asked for."""
    left_out: dict[str, int] = Field(examples=[{}])
    """Photos that were not compared, each with its code."""
    warnings: list[str] = Field(examples=[[]])
    stages: list[Stage]


class CompareRefused(Refused):
    """The photos could not be compared, or the selfie is not live."""

    accepted: bool | SkipJsonSchema[None] = Field(None, examples=[False])


class SearchQuery(Shape):
    """The query of /search; each may be a field of the body instead."""

    limit: Limit | SkipJsonSchema[None] = None
    """How many people each face gets, 5 by default."""
    live: QueryFlag | SkipJsonSchema[None] = None
    """Whether a face has to be live to be accepted."""
    run_later: Annotated[QueryFlag | SkipJsonSchema[None], Field(alias="async")] = None
    """Answer with a job at once, for many photos."""


class Candidate(Shape):
    """Somebody who is enrolled."""

    id: str = Field(examples=[EXAMPLE_ID])
    name: str | None = Field(examples=["Ada Lovelace"])
    score: float | None = Field(examples=[-6.1021])
    """The fused distance, lower is closer."""
    false_positive_rate: float | None = Field(examples=[0.0004])
    """The share of searches by people who are not enrolled that find anybody at this score."""
    accepted: bool = Field(examples=[True])
    """Within the search's threshold."""


class FoundFace(Shape):
    """A face, and the nearest people."""

    file: str = Field(examples=["visitor.jpg"])
    box: Box
    threshold: float | None = Field(examples=[-4.0125])
    candidates: list[Candidate]
    liveness: Verdict | SkipJsonSchema[None] = None


class SearchResults(Shape):
    """Who the photos show; with `async`, only the job."""

    faces: list[FoundFace] | SkipJsonSchema[None] = Field(None, examples=[[FoundFace.example()]])
    people: int | SkipJsonSchema[None] = Field(None, examples=[118])
    """How many people were searched."""
    left_out: dict[str, int] | SkipJsonSchema[None] = Field(None, examples=[{}])
    calibrated: bool | SkipJsonSchema[None] = Field(None, examples=[True])
    stages: list[Stage] | SkipJsonSchema[None] = Field(None, examples=[[Stage.example()]])
    job: str | SkipJsonSchema[None] = None
    """Poll /jobs/ID."""


class PhotoFaces(PhotoQuality):
    """A photo, and its faces, largest first."""

    file: str = Field(examples=["visitor.jpg"])
    faces: list[FoundBox]


class FacesResults(Shape):
    """The photos' faces."""

    photos: list[PhotoFaces]
    stages: list[Stage]


class Embedding(Shape):
    """A face's embedding: not normalised."""

    version: str = Field(examples=["6f1c0a59d3b2e784"])
    vector: list[float] = Field(examples=[[0.31, -1.27, 0.84]])


class EmbeddedFace(FoundBox):
    """A face, and its embedding by each model."""

    embeddings: dict[str, Embedding] = Field(examples=[{"SFace": Embedding.example()}])


class PhotoEmbeddings(PhotoFaces):
    """A photo, and its faces, largest first."""

    faces: list[EmbeddedFace]  # type: ignore[assignment]


class EmbedResults(Shape):
    """The photos' faces and their embeddings."""

    photos: list[PhotoEmbeddings]
    stages: list[Stage]
