"""CompreFace's photos and embeddings: what recognition, verification and detection take and answer."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import QueryFlag
from api.shapes.compare import PhotoQuality, Verdict
from api.shapes.compreface import EXAMPLE_SUBJECT, Share

_BOX = {"probability": 0.99981, "x_max": 376, "y_max": 479, "x_min": 68, "y_min": 77}
_LIVE = {"state": "live", "score": 0.0312, "threshold": 0.5, "reason": ""}
_VECTOR = [0.0627, -1.2031, 0.8874]
_ALIKE = {"similarity": 0.98731, "fmr_at_score": 2.7e-06}
_SIMILAR = {"subject": EXAMPLE_SUBJECT, **_ALIKE}
Vector = Annotated[list[float], Field(min_length=1)]


class DetectQuery(Shape):
    """What is looked at and shown."""

    example: ClassVar = {"limit": 0, "face_plugins": "landmarks,pose"}

    limit: Annotated[int, Field(ge=0, le=1_000_000)] | SkipJsonSchema[None] = None
    """How many faces, the largest first; 0, the default, for all."""
    det_prob_threshold: Share | SkipJsonSchema[None] = None
    """The least confidence of a face."""
    face_plugins: str | SkipJsonSchema[None] = None
    """By comma: `calculator`, `landmarks`, `pose`, `quality`, `liveness`. Others are ignored."""
    status: QueryFlag | SkipJsonSchema[None] = None
    """Whether times and versions are shown."""


class PredictionQuery(Shape):
    """How many subjects each face gets."""

    example: ClassVar = {"prediction_count": 1}

    prediction_count: Annotated[int, Field(ge=1, le=1_000_000)] | SkipJsonSchema[None] = None
    """1 by default, 100 at most are shown."""


class RecogniseQuery(DetectQuery):
    """What is looked at and shown, and how many subjects each face gets."""

    example: ClassVar = {"limit": 0, "prediction_count": 1}

    prediction_count: Annotated[int, Field(ge=1, le=1_000_000)] | SkipJsonSchema[None] = None
    """1 by default, 100 at most are shown."""


class FaceBox(Shape):
    """A face's box in pixels of the upright photo."""

    probability: Share
    x_max: int
    y_max: int
    x_min: int
    y_min: int


class HeadPose(Shape):
    """Angles in degrees."""

    pitch: float
    roll: float
    yaw: float


class ShownFace(Shape):
    """A face."""

    box: FaceBox
    embedding: Vector | SkipJsonSchema[None] = None
    landmarks: list[list[int]] | SkipJsonSchema[None] = None
    pose: HeadPose | SkipJsonSchema[None] = None
    quality: PhotoQuality | SkipJsonSchema[None] = None
    """The photo's, with its largest face."""
    liveness: Verdict | SkipJsonSchema[None] = None
    execution_time: dict[str, float] | SkipJsonSchema[None] = None


class SimilarSubject(Shape):
    """A subject whom a face resembles."""

    subject: str
    similarity: Share
    """0.9 or more: at most one stranger in 10,000 is as near."""
    fmr_at_score: float | None
    """How often two strangers' photos are as near; null where that was not measured."""


class RecognisedFace(ShownFace):
    """A face and its subjects."""

    subjects: list[SimilarSubject]


class ComparedImage(ShownFace):
    """A face and how similar it is."""

    similarity: Share
    fmr_at_score: float | None


class _Result(Shape):
    plugins_versions: dict[str, str] | SkipJsonSchema[None] = None


class Detected(_Result):
    """The faces of a photo."""

    example: ClassVar = {"result": [{"box": _BOX, "landmarks": [[156, 245], [277, 253], [202, 311]]}]}

    result: list[ShownFace]


class Recognised(_Result):
    """The faces of a photo, with their subjects."""

    example: ClassVar = {
        "result": [{"box": _BOX, "liveness": _LIVE, "subjects": [{"subject": EXAMPLE_SUBJECT, **_ALIKE}]}]
    }

    result: list[RecognisedFace]


class Verified(_Result):
    """The faces of a photo, with their similarity."""

    example: ClassVar = {"result": [{"box": _BOX, "liveness": _LIVE, **_ALIKE}]}

    result: list[ComparedImage]


class ComparedPair(_Result):
    """The source's face and the target's."""

    source_image_face: ShownFace
    face_matches: list[ComparedImage]


class VerifiedPair(Shape):
    """The two photos' faces."""

    example: ClassVar = {
        "result": [{"source_image_face": {"box": _BOX, "liveness": _LIVE}, "face_matches": [{"box": _BOX, **_ALIKE}]}]
    }

    result: Annotated[list[ComparedPair], Field(min_length=1, max_length=1)]


class EmbeddingList(Shape):
    """Embeddings as the plugin `calculator` returns them."""

    example: ClassVar = {"embeddings": [_VECTOR]}

    embeddings: Annotated[list[Vector], Field(min_length=1)]


class SourceAndTargets(Shape):
    """An embedding, and those to compare it with."""

    example: ClassVar = {"source": _VECTOR, "targets": [_VECTOR]}

    source: Vector
    targets: Annotated[list[Vector], Field(min_length=1)]


class RecognisedEmbedding(Shape):
    """An embedding and its subjects."""

    embedding: Vector
    similarities: list[SimilarSubject]


class RecognisedEmbeddings(Shape):
    """The embeddings with their subjects."""

    example: ClassVar = {"result": [{"embedding": _VECTOR, "similarities": [_SIMILAR]}]}

    result: list[RecognisedEmbedding]


class ComparedEmbedding(Shape):
    """An embedding and how similar it is."""

    embedding: Vector
    similarity: Share
    fmr_at_score: float | None


class ComparedEmbeddings(Shape):
    """The embeddings with their similarity."""

    example: ClassVar = {"result": [{"embedding": _VECTOR, **_ALIKE}]}

    result: list[ComparedEmbedding]
