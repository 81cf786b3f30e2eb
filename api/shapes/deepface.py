"""DeepFace's requests and replies."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import EXAMPLE_ID, JsonFlag, Name, bodies
from pipeline.flows import METRICS, MOST_CANDIDATES

MOST_FACES = 10
"""Faces of a photo that are looked at."""

_FLAG = JsonFlag | SkipJsonSchema[None]
_TEXT = str | SkipJsonSchema[None]
Metric = Annotated[str, Field(json_schema_extra={"enum": list(METRICS)})]
_ACTION = "(age|gender|emotion)"
_Actions = Annotated[str, Field(pattern=f"^{_ACTION}(,{_ACTION})*$")] | SkipJsonSchema[None]


class DeepFaceForm(Shape):
    """What all of DeepFace's calls take."""

    model_name: _TEXT = None
    """A selected model. Without it all selected models decide together; /represent takes the first one."""
    detector_backend: _TEXT = None
    """Has no effect: the detector is `mtcnn`."""
    align: _FLAG = None
    """Has no effect: faces are always aligned."""
    enforce_detection: _FLAG = None
    """Whether a photo without a face is refused, true by default. With false it has no results."""
    anti_spoofing: _FLAG = None
    """Whether faces have to be live."""


class _Verify(DeepFaceForm):
    distance_metric: Metric | SkipJsonSchema[None] = None
    """The metric in which distance and threshold are shown, `cosine` by default; it does not change the decision."""


class _Represent(DeepFaceForm):
    max_faces: Annotated[int, Field(ge=1, le=MOST_FACES)] | SkipJsonSchema[None] = Field(None, examples=[1])
    """How many faces, the largest ones; 10 by default."""


class _Analyze(DeepFaceForm):
    actions: _Actions = Field(None, examples=["age,gender"])


class _AnalyzeJson(DeepFaceForm):
    actions: Annotated[list[Literal["age", "gender", "emotion"]], Field(min_length=1)] | SkipJsonSchema[None] = Field(
        None, examples=[["age", "gender"]]
    )
    """All three by default."""


class _Find(_Verify):
    similarity_search: _FLAG = None
    """Whether people beyond the threshold are listed too."""
    k: Annotated[int, Field(ge=1, le=MOST_CANDIDATES)] | SkipJsonSchema[None] = Field(None, examples=[5])
    """How many people for each face, 50 by default."""
    search_method: Literal["exact", "ann"] | SkipJsonSchema[None] = None
    """Has no effect: both find the same."""


class _Register(DeepFaceForm):
    img_name: Name | SkipJsonSchema[None] = Field(None, examples=["Ada Lovelace"])
    """Whom the photo shows: an ID of this server, or else any name. Without it, a new name is made."""


_ABOUT = "Also called `{}_path`. Addresses and paths are refused."
VERIFY = bodies("Verify", _Verify, "img1", "img2", about=_ABOUT)
REPRESENT = bodies("Represent", _Represent, "img", about=_ABOUT)
ANALYZE = bodies("Analyze", _Analyze, "img", json=_AnalyzeJson, about=_ABOUT)
FIND = bodies("Find", _Find, "img", about=_ABOUT)
REGISTER = bodies("Register", _Register, "img", about=_ABOUT)


class FacialArea(Shape):
    """A face's box and landmarks, in pixels of the upright photo; left and right are the person's own."""

    x: int = Field(examples=[320])
    y: int = Field(examples=[180])
    w: int = Field(examples=[240])
    h: int = Field(examples=[310])
    left_eye: list[int] = Field(examples=[[499, 298]])
    right_eye: list[int] = Field(examples=[[390, 300]])
    nose: list[int] = Field(examples=[[446, 363]])
    mouth_left: list[int] = Field(examples=[[490, 419]])
    mouth_right: list[int] = Field(examples=[[402, 420]])


class _Decision(Shape):
    distance: float = Field(examples=[0.1523])
    """At or under `threshold` only if accepted."""
    threshold: float = Field(examples=[0.3811])
    confidence: float = Field(examples=[80.42])
    """51 to 100 where accepted, else 0 to 49: how far below or beyond the threshold. No probability."""


class Verification(_Decision):
    """Whether the photos show the same person."""

    verified: bool = Field(examples=[True])
    model: str = Field(examples=["Dlib+SFace"])
    """The model that decided, or all of them, joined by `+`."""
    detector_backend: str = Field(examples=["mtcnn"])
    similarity_metric: str = Field(examples=["cosine"])
    facial_areas: dict[str, FacialArea] = Field(examples=[{"img1": FacialArea.example(), "img2": FacialArea.example()}])
    time: float = Field(examples=[0.21])
    """In seconds."""
    fmr_at_score: float | None = Field(examples=[1.3e-06])
    """How often two strangers' photos come this near; null where the models are not calibrated."""
    calibrated: bool = Field(examples=[True])
    warnings: list[str] = Field(examples=[[]])


class Representation(Shape):
    """A face and its embedding."""

    embedding: list[float] = Field(examples=[[0.31, -1.27, 0.84]])
    facial_area: FacialArea
    face_confidence: float = Field(examples=[0.9998])
    model: str = Field(examples=["Dlib"])
    version: str = Field(examples=["6f1c0a59d3b2e784"])
    """What the embedding depends on: only those of one version can be compared."""


class Representations(Shape):
    """The faces of the photo, largest first."""

    results: list[Representation]


class FaceAttributes(Shape):
    """A face, and the attributes that were asked for."""

    region: FacialArea
    face_confidence: float = Field(examples=[0.9998])
    age: int | SkipJsonSchema[None] = Field(None, examples=[36])
    gender: dict[str, float] | SkipJsonSchema[None] = Field(None, examples=[{"Woman": 98.2, "Man": 1.8}])
    """Shares in percent."""
    dominant_gender: str | SkipJsonSchema[None] = Field(None, examples=["Woman"])
    emotion: dict[str, float] | SkipJsonSchema[None] = None
    """Shares in percent."""
    dominant_emotion: str | SkipJsonSchema[None] = None


class Analysis(Shape):
    """The faces of the photo, largest first."""

    results: list[FaceAttributes]


class Match(_Decision):
    """Somebody who is registered."""

    id: str = Field(examples=[EXAMPLE_ID])
    img_name: str | None = Field(examples=["Ada Lovelace"])
    """The person's name."""
    model_name: str = Field(examples=["Dlib+SFace"])
    detector_backend: str = Field(examples=["mtcnn"])
    aligned: bool = Field(examples=[True])
    l2_normalized: bool = Field(examples=[True])
    search_method: str = Field(examples=["exact"])
    distance_metric: str = Field(examples=["cosine"])
    target_x: int = Field(examples=[320])
    target_y: int = Field(examples=[180])
    target_w: int = Field(examples=[240])
    target_h: int = Field(examples=[310])
    verified: bool = Field(examples=[True])
    false_positive_rate: float | None = Field(examples=[0.0004])
    """The share of strangers' searches that find anybody as near."""


class Matches(Shape):
    """The people found for each face, nearest first."""

    results: list[list[Match]]


class Registered(Shape):
    """Who was registered."""

    inserted: int = Field(examples=[1])
    """How many faces, 1."""
    id: str = Field(examples=[EXAMPLE_ID])
    """What the other endpoints call the person."""
    img_name: str = Field(examples=["Ada Lovelace"])
    code: int = Field(examples=[800])
    message: str = Field(examples=["ID successfully inserted to db."])
    possible_duplicates: list[str | None] = Field(examples=[[]])
    """Other IDs with the same face; null for each to callers without the scope `admin`."""
    warnings: list[str] = Field(examples=[[]])


class IndexState(Shape):
    """That there is nothing to build."""

    message: str = Field(examples=["The index is always current."])
    people: int = Field(examples=[118])
    """How many people a search sees."""


class DeepFaceError(Shape):
    """Why there is no result."""

    error: str = Field(examples=["Could not detect a face in any of the images."])
    code: int = Field(examples=[630])
    field: str | SkipJsonSchema[None] = None
    exception: str | SkipJsonSchema[None] = None
    """The same text, where a photo is missing or is none, as DeepFace answers then."""
    message: str | SkipJsonSchema[None] = None
    """The same text, where the key is not accepted."""
    retry_after: int | SkipJsonSchema[None] = None
