"""CompreFace's photos and embeddings: what recognition, verification and detection take and answer."""

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import QueryFlag
from api.shapes.compare import PhotoQuality, Verdict
from api.shapes.compreface import Share

Vector = Annotated[list[float], Field(min_length=1, examples=[[0.0627, -1.2031, 0.8874]])]


class DetectQuery(Shape):
    """What is looked at and shown."""

    limit: Annotated[int, Field(ge=0, le=1_000_000)] | SkipJsonSchema[None] = Field(None, examples=[0])
    """How many faces, the largest first; 0, the default, for all."""
    det_prob_threshold: Share | SkipJsonSchema[None] = None
    """The least confidence of a face."""
    face_plugins: str | SkipJsonSchema[None] = Field(None, examples=["landmarks,pose"])
    """By comma: `calculator`, `landmarks`, `pose`, `quality`, `liveness`. Others are ignored."""
    status: QueryFlag | SkipJsonSchema[None] = None
    """Whether times and versions are shown."""


class PredictionQuery(Shape):
    """How many subjects each face gets."""

    prediction_count: Annotated[int, Field(ge=1, le=1_000_000)] | SkipJsonSchema[None] = Field(None, examples=[1])
    """1 by default, 100 at most are shown."""


class RecogniseQuery(PredictionQuery, DetectQuery):
    """What is looked at and shown, and how many subjects each face gets."""


class FaceBox(Shape):
    """A face's box in pixels of the upright photo."""

    probability: Share = Field(examples=[0.99981])
    x_max: int = Field(examples=[376])
    y_max: int = Field(examples=[479])
    x_min: int = Field(examples=[68])
    y_min: int = Field(examples=[77])


class HeadPose(Shape):
    """Angles in degrees."""

    pitch: float
    roll: float
    yaw: float


class ShownFace(Shape):
    """A face."""

    box: FaceBox
    embedding: Vector | SkipJsonSchema[None] = None
    landmarks: list[list[int]] | SkipJsonSchema[None] = Field(None, examples=[[[156, 245], [277, 253], [202, 311]]])
    pose: HeadPose | SkipJsonSchema[None] = None
    quality: PhotoQuality | SkipJsonSchema[None] = None
    """The photo's, with its largest face."""
    liveness: Verdict | SkipJsonSchema[None] = Field(None, examples=[Verdict.example()])
    execution_time: dict[str, float] | SkipJsonSchema[None] = None


class _Alike(Shape):
    similarity: Share = Field(examples=[0.98731])
    """0.9 or more: at most one stranger in 10,000 is as near."""
    fmr_at_score: float | None = Field(examples=[2.7e-06])
    """How often two strangers' photos are as near; null where that was not measured."""


class SimilarSubject(_Alike):
    """A subject whom a face resembles."""

    subject: str = Field(examples=["Ada Lovelace"])


class RecognisedFace(ShownFace):
    """A face and its subjects."""

    subjects: list[SimilarSubject]


class ComparedImage(ShownFace, _Alike):
    """A face and how similar it is."""


class _Result(Shape):
    plugins_versions: dict[str, str] | SkipJsonSchema[None] = None


class Detected(_Result):
    """The faces of a photo."""

    result: list[ShownFace]


class Recognised(_Result):
    """The faces of a photo, with their subjects."""

    result: list[RecognisedFace]


class Verified(_Result):
    """The faces of a photo, with their similarity."""

    result: list[ComparedImage]


class ComparedPair(_Result):
    """The source's face and the target's."""

    source_image_face: ShownFace
    face_matches: list[ComparedImage]


class VerifiedPair(Shape):
    """The two photos' faces."""

    result: Annotated[list[ComparedPair], Field(min_length=1, max_length=1)]


class EmbeddingList(Shape):
    """Embeddings as the plugin `calculator` returns them."""

    embeddings: Annotated[list[Vector], Field(min_length=1)]


class SourceAndTargets(Shape):
    """An embedding, and those to compare it with."""

    source: Vector
    targets: Annotated[list[Vector], Field(min_length=1)]


class RecognisedEmbedding(Shape):
    """An embedding and its subjects."""

    embedding: Vector
    similarities: list[SimilarSubject]


class RecognisedEmbeddings(Shape):
    """The embeddings with their subjects."""

    result: list[RecognisedEmbedding]


class ComparedEmbedding(_Alike):
    """An embedding and how similar it is."""

    embedding: Vector


class ComparedEmbeddings(Shape):
    """The embeddings with their similarity."""

    result: list[ComparedEmbedding]
