"""Endpoints that take photos and keep nothing of them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Refused, Shape, Stage
from api.openapi.shapes import STAGE_EXAMPLE
from api.shapes.common import EXAMPLE_ID, Files, Photos, QueryFlag
from api.shapes.pipeline import EXAMPLE_CHECK, EXAMPLE_PNG, Check, PhotoFiles, PhotosInJson

WhichSet = Annotated[str, Field(pattern=r"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[AaBb]|0|1)$")]
"""`a` or `b`, or `true` for the usual one of the two."""
Limit = Annotated[int, Field(ge=1, le=50)]
Box = Annotated[list[int], Field(min_length=4, max_length=4)]
"""Left, top, width, height in pixels of the upright photo."""

_BOX = [320, 180, 240, 310]
_FACE = {
    "box": _BOX,
    "landmarks": [[390.2, 300.1], [498.7, 298.4], [446.0, 362.9], [401.5, 420.3], [489.8, 418.8]],
    "confidence": 0.9998,
}


class CompareFiles(Shape):
    """Two photos, or two sets of photos, as files."""

    encoding: ClassVar = {"a": {"contentType": "image/*"}, "b": {"contentType": "image/*"}}

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

    example: ClassVar = {"a": EXAMPLE_PNG, "b": [EXAMPLE_PNG], "live": True}

    a: Photos
    b: Photos
    live: bool | Literal[0, 1] | WhichSet | SkipJsonSchema[None] = None
    document: bool | Literal[0, 1] | WhichSet | SkipJsonSchema[None] = None


class PhotoQuality(Shape):
    """A photo's score, 0 to 10, null where the file is no photo, and the checks behind it."""

    score: float | None
    reasons: list[Check]


class Verdict(Shape):
    """Liveness of a face: the probability of an attack, 0 to 1, and its threshold."""

    state: Literal["live", "spoof", "uncertain"]
    score: float
    threshold: float
    reason: str


_VERDICT = {"state": "live", "score": 0.0312, "threshold": 0.5, "reason": ""}


class FoundBox(Shape):
    """A face."""

    box: Box
    landmarks: list[list[float]]
    """Five points (x, y) in pixels of the upright photo: eyes, tip of the nose, corners of the mouth."""
    confidence: float
    """The detector's, 0 to 1."""


class CompareResults(Shape):
    """Whether the photos show the same person."""

    example: ClassVar = {
        "accepted": True,
        "score": -5.4182,
        "threshold": -3.2071,
        "fmr_at_score": 1.3e-06,
        "calibrated": True,
        "quality": {
            "a": {"passport.jpg": {"score": 8.214, "reasons": [EXAMPLE_CHECK]}},
            "b": {"selfie.jpg": {"score": 9.731, "reasons": [EXAMPLE_CHECK]}},
        },
        "faces": {"a": {"passport.jpg": _FACE}, "b": {"selfie.jpg": _FACE}},
        "liveness": {"selfie.jpg": _VERDICT},
        "left_out": {},
        "warnings": [],
        "stages": [STAGE_EXAMPLE],
    }

    accepted: bool
    score: float | None
    """The fused distance, lower is closer."""
    threshold: float | None
    """The score at or under which the photos are accepted."""
    fmr_at_score: float | None
    """How often two strangers' photos reach this score; null where that was not measured, as for documents."""
    calibrated: bool
    quality: dict[str, dict[str, PhotoQuality]]
    """Each photo's score, by set."""
    faces: dict[str, dict[str, FoundBox]]
    """The face that was compared, by set and photo."""
    liveness: dict[str, Verdict] | None
    """The selfie's, by photo; null where `live` was not asked for."""
    left_out: dict[str, int]
    """Photos that were not compared, each with its code."""
    warnings: list[str]
    stages: list[Stage]


class CompareRefused(Refused):
    """The photos could not be compared, or the selfie is not live."""

    example: ClassVar[Any] = {"accepted": False}

    accepted: bool | SkipJsonSchema[None] = None


class SearchQuery(Shape):
    """The query of /search; each may be a field of the body instead."""

    limit: Limit | SkipJsonSchema[None] = None
    """How many people each face gets, 5 by default."""
    live: QueryFlag | SkipJsonSchema[None] = None
    """Whether a face has to be live to be accepted."""
    run_later: Annotated[QueryFlag | SkipJsonSchema[None], Field(alias="async")] = None
    """Answer with a job at once, for many photos."""


class SearchFiles(PhotoFiles):
    """Photos as files."""


class SearchJson(PhotosInJson):
    """Photos as base64 text."""


class Candidate(Shape):
    """Somebody who is enrolled."""

    id: str
    name: str | None
    score: float | None
    """The fused distance, lower is closer."""
    false_positive_rate: float | None
    """The share of searches by people who are not enrolled that find anybody at this score."""
    accepted: bool
    """Within the search's threshold."""


class FoundFace(Shape):
    """A face, and the nearest people."""

    file: str
    box: Box
    threshold: float | None
    candidates: list[Candidate]
    liveness: Verdict | SkipJsonSchema[None] = None


class SearchResults(Shape):
    """Who the photos show; with `async`, only the job."""

    example: ClassVar = {
        "faces": [
            {
                "file": "visitor.jpg",
                "box": _BOX,
                "threshold": -4.0125,
                "candidates": [
                    {
                        "id": EXAMPLE_ID,
                        "name": "Ada Lovelace",
                        "score": -6.1021,
                        "false_positive_rate": 0.0004,
                        "accepted": True,
                    }
                ],
            }
        ],
        "people": 118,
        "left_out": {},
        "calibrated": True,
        "stages": [STAGE_EXAMPLE],
    }

    faces: list[FoundFace] | SkipJsonSchema[None] = None
    people: int | SkipJsonSchema[None] = None
    """How many people were searched."""
    left_out: dict[str, int] | SkipJsonSchema[None] = None
    calibrated: bool | SkipJsonSchema[None] = None
    stages: list[Stage] | SkipJsonSchema[None] = None
    job: str | SkipJsonSchema[None] = None
    """Poll /jobs/ID."""


class PhotoFaces(PhotoQuality):
    """A photo, and its faces, largest first."""

    file: str
    faces: list[FoundBox]


_PHOTO = {"file": "visitor.jpg", "score": 9.412, "reasons": [EXAMPLE_CHECK]}


class FacesResults(Shape):
    """The photos' faces."""

    example: ClassVar = {"photos": [{**_PHOTO, "faces": [_FACE]}], "stages": [STAGE_EXAMPLE]}

    photos: list[PhotoFaces]
    stages: list[Stage]


class Embedding(Shape):
    """A face's embedding: not normalised."""

    version: str
    vector: list[float]


class EmbeddedFace(FoundBox):
    """A face, and its embedding by each model."""

    embeddings: dict[str, Embedding]


class PhotoEmbeddings(PhotoQuality):
    """A photo, and its faces, largest first."""

    file: str
    faces: list[EmbeddedFace]


class EmbedResults(Shape):
    """The photos' faces and their embeddings."""

    example: ClassVar = {
        "photos": [
            {
                **_PHOTO,
                "faces": [
                    {**_FACE, "embeddings": {"SFace": {"version": "6f1c0a59d3b2e784", "vector": [0.31, -1.27, 0.84]}}}
                ],
            }
        ],
        "stages": [STAGE_EXAMPLE],
    }

    photos: list[PhotoEmbeddings]
    stages: list[Stage]
