"""DeepFace's requests and replies."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import EXAMPLE_ID, Base64, FormBase64, JsonFlag, Name
from api.shapes.pipeline import EXAMPLE_PNG
from pipeline.flows import MOST_CANDIDATES
from pipeline.flows.deepface import METRICS

MOST_FACES = 10
"""Faces of a photo that are looked at."""

_FLAG = JsonFlag | SkipJsonSchema[None]
_TEXT = str | SkipJsonSchema[None]
Metric = Annotated[str, Field(json_schema_extra={"enum": list(METRICS)})]
_MATCHES = Annotated[int, Field(ge=1, le=MOST_CANDIDATES)] | SkipJsonSchema[None]
_FACES = Annotated[int, Field(ge=1, le=MOST_FACES)] | SkipJsonSchema[None]
_ACTION = "(age|gender|emotion)"
_Actions = Annotated[str, Field(pattern=f"^{_ACTION}(,{_ACTION})*$")] | SkipJsonSchema[None]
_METHOD = Literal["exact", "ann"] | SkipJsonSchema[None]


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


class _VerifyKeys(Shape):
    distance_metric: Metric | SkipJsonSchema[None] = None
    """The metric in which distance and threshold are shown, `cosine` by default; it does not change the decision."""


class VerifyBody(_VerifyKeys, DeepFaceForm):
    """Two photos as base64 text."""

    example: ClassVar = {"img1": EXAMPLE_PNG, "img2": EXAMPLE_PNG, "anti_spoofing": False}

    img1: Base64
    """Also called `img1_path`. Addresses and paths are refused."""
    img2: Base64


class VerifyFields(_VerifyKeys, DeepFaceForm):
    """Two photos as base64 text in a form."""

    example: ClassVar = {"img1": EXAMPLE_PNG, "img2": EXAMPLE_PNG}

    img1: FormBase64
    img2: FormBase64


class VerifyFiles(_VerifyKeys, DeepFaceForm):
    """Two photos as files."""

    encoding: ClassVar = {"img1": {"contentType": "image/*"}, "img2": {"contentType": "image/*"}}

    img1: bytes
    img2: bytes


class ImageBody(DeepFaceForm):
    """A photo as base64 text."""

    img: Base64
    """Also called `img_path`. Addresses and paths are refused."""


class ImageFields(DeepFaceForm):
    """A photo as base64 text in a form."""

    img: FormBase64


class ImageFiles(DeepFaceForm):
    """A photo as a file."""

    encoding: ClassVar = {"img": {"contentType": "image/*"}}

    img: bytes


class _RepresentKeys(Shape):
    max_faces: _FACES = None
    """How many faces, the largest ones; 10 by default."""


class RepresentBody(_RepresentKeys, ImageBody):
    """A photo as base64 text."""

    example: ClassVar = {"img": EXAMPLE_PNG, "max_faces": 1}


class RepresentFields(_RepresentKeys, ImageFields):
    """A photo as base64 text in a form."""

    example: ClassVar = {"img": EXAMPLE_PNG}


class RepresentFiles(_RepresentKeys, ImageFiles):
    """A photo as a file."""


class AnalyzeBody(ImageBody):
    """A photo as base64 text."""

    example: ClassVar = {"img": EXAMPLE_PNG, "actions": ["age", "gender"]}

    actions: Annotated[list[Literal["age", "gender", "emotion"]], Field(min_length=1)] | SkipJsonSchema[None] = None
    """All three by default."""


class AnalyzeFields(ImageFields):
    """A photo as base64 text in a form."""

    example: ClassVar = {"img": EXAMPLE_PNG, "actions": "age,gender"}

    actions: _Actions = None


class AnalyzeFiles(ImageFiles):
    """A photo as a file."""

    actions: _Actions = None


class _SearchKeys(_VerifyKeys):
    similarity_search: _FLAG = None
    """Whether people beyond the threshold are listed too."""
    k: _MATCHES = None
    """How many people for each face, 50 by default."""
    search_method: _METHOD = None
    """Has no effect: both find the same."""


class FindBody(_SearchKeys, ImageBody):
    """A photo as base64 text."""

    example: ClassVar = {"img": EXAMPLE_PNG, "k": 5}


class FindFields(_SearchKeys, ImageFields):
    """A photo as base64 text in a form."""

    example: ClassVar = {"img": EXAMPLE_PNG}


class FindFiles(_SearchKeys, ImageFiles):
    """A photo as a file."""


class _RegisterKeys(Shape):
    img_name: Name | SkipJsonSchema[None] = None
    """Whom the photo shows: an ID of this server, or else any name. Without it, a new name is made."""


class RegisterBody(_RegisterKeys, ImageBody):
    """A photo as base64 text."""

    example: ClassVar = {"img": EXAMPLE_PNG, "img_name": "Ada Lovelace"}


class RegisterFields(_RegisterKeys, ImageFields):
    """A photo as base64 text in a form."""

    example: ClassVar = {"img": EXAMPLE_PNG, "img_name": "Ada Lovelace"}


class RegisterFiles(_RegisterKeys, ImageFiles):
    """A photo as a file."""


class FacialArea(Shape):
    """A face's box and landmarks, in pixels of the upright photo; left and right are the person's own."""

    x: int
    y: int
    w: int
    h: int
    left_eye: list[int]
    right_eye: list[int]
    nose: list[int]
    mouth_left: list[int]
    mouth_right: list[int]


_AREA = {
    "x": 320, "y": 180, "w": 240, "h": 310,
    "left_eye": [499, 298], "right_eye": [390, 300], "nose": [446, 363],
    "mouth_left": [490, 419], "mouth_right": [402, 420],
}  # fmt: skip


class _Decision(Shape):
    distance: float
    """At or under `threshold` only if accepted."""
    threshold: float
    confidence: float
    """51 to 100 where accepted, else 0 to 49: how far below or beyond the threshold. No probability."""


class Verification(_Decision):
    """Whether the photos show the same person."""

    example: ClassVar = {
        "verified": True,
        "distance": 0.1523,
        "threshold": 0.3811,
        "confidence": 80.42,
        "model": "Dlib+SFace",
        "detector_backend": "mtcnn",
        "similarity_metric": "cosine",
        "facial_areas": {"img1": _AREA, "img2": _AREA},
        "time": 0.21,
        "fmr_at_score": 1.3e-06,
        "calibrated": True,
        "warnings": [],
    }

    verified: bool
    model: str
    """The model that decided, or all of them, joined by `+`."""
    detector_backend: str
    similarity_metric: str
    facial_areas: dict[str, FacialArea]
    time: float
    """In seconds."""
    fmr_at_score: float | None
    """How often two strangers' photos come this near; null where the models are not calibrated."""
    calibrated: bool
    warnings: list[str]


class Representation(Shape):
    """A face and its embedding."""

    embedding: list[float]
    facial_area: FacialArea
    face_confidence: float
    model: str
    version: str
    """What the embedding depends on: only those of one version can be compared."""


class Representations(Shape):
    """The faces of the photo, largest first."""

    example: ClassVar = {
        "results": [
            {
                "embedding": [0.31, -1.27, 0.84],
                "facial_area": _AREA,
                "face_confidence": 0.9998,
                "model": "Dlib",
                "version": "6f1c0a59d3b2e784",
            }
        ]
    }

    results: list[Representation]


class FaceAttributes(Shape):
    """A face, and the attributes that were asked for."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    region: FacialArea
    face_confidence: float
    age: int | SkipJsonSchema[None] = None
    gender: dict[str, float] | SkipJsonSchema[None] = None
    """Shares in percent."""
    dominant_gender: str | SkipJsonSchema[None] = None
    emotion: dict[str, float] | SkipJsonSchema[None] = None
    """Shares in percent."""
    dominant_emotion: str | SkipJsonSchema[None] = None


class Analysis(Shape):
    """The faces of the photo, largest first."""

    example: ClassVar[Any] = {
        "results": [
            {
                "region": _AREA,
                "face_confidence": 0.9998,
                "age": 36,
                "gender": {"Woman": 98.2, "Man": 1.8},
                "dominant_gender": "Woman",
            }
        ]
    }

    results: list[FaceAttributes]


class Match(_Decision):
    """Somebody who is registered."""

    id: str
    img_name: str | None
    """The person's name."""
    model_name: str
    detector_backend: str
    aligned: bool
    l2_normalized: bool
    search_method: str
    distance_metric: str
    target_x: int
    target_y: int
    target_w: int
    target_h: int
    verified: bool
    false_positive_rate: float | None
    """The share of strangers' searches that find anybody as near."""


class Matches(Shape):
    """The people found for each face, nearest first."""

    example: ClassVar = {
        "results": [
            [
                {
                    "id": EXAMPLE_ID,
                    "img_name": "Ada Lovelace",
                    "model_name": "Dlib+SFace",
                    "detector_backend": "mtcnn",
                    "aligned": True,
                    "l2_normalized": True,
                    "search_method": "exact",
                    "distance_metric": "cosine",
                    "target_x": 320,
                    "target_y": 180,
                    "target_w": 240,
                    "target_h": 310,
                    "verified": True,
                    "distance": 0.1523,
                    "threshold": 0.2811,
                    "confidence": 73.45,
                    "false_positive_rate": 0.0004,
                }
            ]
        ]
    }

    results: list[list[Match]]


class Registered(Shape):
    """Who was registered."""

    example: ClassVar = {
        "inserted": 1,
        "id": EXAMPLE_ID,
        "img_name": "Ada Lovelace",
        "code": 800,
        "message": "ID successfully inserted to db.",
        "possible_duplicates": [],
        "warnings": [],
    }

    inserted: int
    """How many faces, 1."""
    id: str
    """What the other endpoints call the person."""
    img_name: str
    code: int
    message: str
    possible_duplicates: list[str | None]
    """Other IDs with the same face; null for each to callers without the scope `admin`."""
    warnings: list[str]


class IndexState(Shape):
    """That there is nothing to build."""

    example: ClassVar = {"message": "The index is always current.", "people": 118}

    message: str
    people: int
    """How many people a search sees."""


class DeepFaceError(Shape):
    """Why there is no result."""

    example: ClassVar = {"error": "Could not detect a face in any of the images.", "code": 630}

    error: str
    code: int
    field: str | SkipJsonSchema[None] = None
    exception: str | SkipJsonSchema[None] = None
    """The same text, where a photo is missing or is none, as DeepFace answers then."""
    message: str | SkipJsonSchema[None] = None
    """The same text, where the key is not accepted."""
    retry_after: int | SkipJsonSchema[None] = None
