"""The pipeline's types: what stages take and return, and the Protocols of the models that they call.

Pixels are `uint8` arrays of shape (height, width, 3) in **RGB** everywhere; an adapter whose library needs another
order converts internally. Points are (x, y) in pixels, x to the right, y downwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_PIXELS: Pixels = np.empty((0, 0, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo, upright (its Exif orientation is applied).

    `name` is what the caller called it and is for replies only; `digest` is the SHA-256 of the file's bytes in hex.
    `data` is the file as it was sent and `kind` its format by content, as a file extension (`jpg`); both are empty for
    pixels that never were a file, such as a video's frame. `scale` is how many of the pixels here one pixel of the file
    became: below 1 where a large photo was decoded at a fraction of its size. `turn` is how many quarter turns
    against the clock brought a photo upright that had been sent lying on its side, 0 to 3. `area` is the most pixels
    that it was to be decoded to, 0 for as many as usual.
    """

    name: str
    pixels: Pixels
    digest: str
    data: bytes = field(default=b"", repr=False)
    kind: str = ""
    scale: float = 1.0
    turn: int = 0
    area: int = 0


@dataclass(frozen=True)
class Box:
    """A face's box in pixels of its photo; it may reach over the photo's edges."""

    left: float
    top: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Width times height, in square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """The middle, (x, y)."""
        return self.left + self.width / 2, self.top + self.height / 2

    def reach(self, photo: Pixels) -> float:
        """Return how far the photo reaches around the box: the smaller of photo over box, in width and in height."""
        height, width = photo.shape[:2]
        return float(min((width - 1) / max(self.width, 1.0), (height - 1) / max(self.height, 1.0)))

    def share_inside(self, photo: Pixels) -> float:
        """Return the share, 0 to 1, of the box that is inside the photo."""
        height, width = photo.shape[:2]
        across = min(self.left + self.width, width) - max(self.left, 0.0)
        down = min(self.top + self.height, height) - max(self.top, 0.0)
        return float(max(0.0, across) * max(0.0, down) / max(self.area, 1e-9))


@dataclass(frozen=True, eq=False)
class Detection:
    """One face as the detector found it, in the photo's own pixels.

    `landmarks` is float32 of shape (5, 2): the eye on the image's left, the eye on the image's right, the tip of the
    nose, the corner of the mouth on the image's left, the one on the image's right. `confidence` is 0 to 1.
    """

    box: Box
    landmarks: Floats
    confidence: float


@dataclass(frozen=True, eq=False)
class Crop:
    """The source crop of a face: twice its box at the photo's own resolution, and its landmarks in crop pixels.

    Every embedding starts here and takes one warp; `pixels` may be smaller than twice the box at a photo's edge.
    `box` is the face's box in crop pixels. `digest` identifies the content (SHA-256 in hex over photo and box).
    `mirrored` says that it is the photo's mirror image.
    """

    pixels: Pixels
    landmarks: Floats
    box: Box
    digest: str
    mirrored: bool = False


@dataclass(frozen=True, eq=False)
class Face:
    """A face of a photo: where it is, and its source crop."""

    photo: Photo
    detection: Detection
    crop: Crop


@dataclass(frozen=True)
class Check:
    """One measured property of an image against its threshold, with one line of advice.

    `box` is where in the photo it is: left, top, width, height in pixels of the upright file; None where it is not
    about one place.
    """

    check: str
    value: float | None
    threshold: float | None
    passed: bool
    advice: str
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Quality:
    """An image's quality: `score` 0.000 to 10.000 (higher is better) and the checks behind it."""

    score: float
    checks: tuple[Check, ...]


TIGHT_REACH, OPEN_REACH = 1.3, 1.5
"""A photo that reaches less far around a face (`Box.reach`) shows too little for any liveness engine to rely on.

From the second on its surroundings count in full.
"""


class Liveness(Enum):
    """What liveness says of a face. Only LIVE goes on."""

    LIVE = "live"
    SPOOF = "spoof"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class LivenessVerdict:
    """Liveness of one face: `score` is the probability of an attack, 0 to 1; `engines` are each engine's own scores.

    `reason` is empty for LIVE, else why, in words that may be shown; `attack` names the kind of attack if it is known.
    """

    state: Liveness
    score: float
    threshold: float
    engines: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    attack: str | None = None


@dataclass(frozen=True)
class LivenessAbout:
    """Which engines judge, and the error rates (0 to 1, by name) that were measured of them; none where none were."""

    engines: tuple[str, ...]
    reaches: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it as a reply shows it."""
        return {"engines": list(self.engines), "reaches": dict(self.reaches)}


class Detector(Protocol):
    """Finds faces."""

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        """Return the faces of each photo, largest first; one list per photo, in the photos' order."""


@dataclass(frozen=True, eq=False)
class BothSides:
    """A model's raw embeddings of n faces and of their mirror images: float32 (n, d) each.

    Raises `ValueError` for other shapes and for values that are not finite numbers.
    """

    faces: Floats
    mirrors: Floats

    def __post_init__(self) -> None:
        """Check shapes and values: nothing else may become a distance."""
        if self.faces.ndim != 2 or self.faces.shape != self.mirrors.shape:
            raise ValueError(f"no usable embeddings: shapes {self.faces.shape} and {self.mirrors.shape}")
        if not (np.isfinite(self.faces).all() and np.isfinite(self.mirrors).all()):
            raise ValueError("no usable embeddings: a value is not a finite number")

    @property
    def mean(self) -> Floats:
        """Each face's embedding, (n, d): what only one side shows is mostly noise, so the mean errs a fifth less."""
        mean: Floats = ((self.faces + self.mirrors) / 2).astype(np.float32)
        return mean

    @property
    def lengths(self) -> Floats:
        """Each face's length, (n,), before normalisation: it grows with the photo's quality."""
        lengths: Floats = np.linalg.norm(self.faces, axis=1)
        return lengths

    @property
    def agreements(self) -> Floats:
        """The cosine between each face and its mirror image, (n,), -1 to 1."""
        products = self.lengths * np.linalg.norm(self.mirrors, axis=1)
        agreements: Floats = (self.faces * self.mirrors).sum(axis=1) / np.maximum(products, 1e-12)
        return agreements


class Embedder(Protocol):
    """A recognition model, loaded. It looks at every face and at its mirror image, in one call of the network."""

    @property
    def name(self) -> str:
        """The registry's name of the model."""

    @property
    def version(self) -> str:
        """What an embedding depends on, as `[0-9a-f]{16}`: weights, alignment, mirroring."""

    @property
    def size(self) -> int:
        """Length of an embedding."""

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Return `BothSides.mean` of all crops: float32 (len(crops), size), **not** normalised, all finite."""

    def both_sides(self, crops: Sequence[Crop]) -> BothSides:
        """Embed all crops and their mirror images."""


class LivenessJudge(Protocol):
    """All liveness engines together."""

    @property
    def about(self) -> LivenessAbout:
        """Which engines judge, and what they reach."""

    def judge(self, faces: Sequence[Face]) -> list[LivenessVerdict]:
        """Judge every face in one call per engine; one verdict per face, in order.

        Raises `Refusal(Code.NO_LIVENESS)` where a model is missing or its output is not a number.
        """


class Attributes(Protocol):
    """Models that estimate a face's attributes: age, gender, emotion. No verdict uses them."""

    def estimate(self, crops: Sequence[Crop], names: Sequence[str]) -> list[dict[str, dict[str, float]]]:
        """Return for each crop, by attribute, how likely each value is (0 to 1); of an age, how likely each year is.

        Raises `Refusal(Code.NO_WEIGHTS)` where a model is not there.
        """


class Scorer(Protocol):
    """Distances of several models to one score, and the thresholds that a calibration gives it. Lower is closer."""

    @property
    def models(self) -> tuple[str, ...]:
        """The models whose distances `fuse` expects."""

    @property
    def calibrated(self) -> bool:
        """Whether thresholds come from measured false match rates (else: from the models' published ones)."""

    def fuse(
        self,
        distances: Mapping[str, Floats],
        enrolled: Counts | int | None = None,
        lengths: Mapping[str, Floats] | None = None,
    ) -> Floats:
        """Fuse each model's distances (same shape for all models) to one score of that shape.

        `enrolled` says how many source crops are behind each template of the last axis, 1 for a crop of its own:
        a template of several is closer to everybody, which the score corrects. `lengths` holds each model's
        `pipeline.stages.distance.lengths`. None means the strictest value.
        """

    def threshold(self, required: int, images: int) -> float:
        """Return the highest score at which an image verifies where `required` of `images` images have to."""

    def threshold_at(self, rate: float) -> float:
        """Return the highest score at which one image's `fmr_at` is at most `rate`; minus infinity where unknown."""

    @property
    def typical_stranger(self) -> float:
        """The median score of strangers; what is assumed where nothing was measured."""

    def second_look_threshold(self, required: int, comparisons: int, images: int) -> float:
        """Return the same for augmented comparisons: `required` of `comparisons`, made from `images` images."""

    def found_threshold(self, required: int, images: int) -> float:
        """Return the 1:1 threshold of a search's finding: `required` of `images` images have to be at or under it."""

    def search_threshold(self, people: int, images: int) -> float:
        """Return the highest score at which a search over `people` people finds somebody by the best of `images`."""

    def fpir_at(self, score: float, people: int, images: int) -> float | None:
        """Return the share of searches by strangers that find somebody at this score; None where not calibrated."""

    @property
    def mismatch_threshold(self) -> float:
        """The score above which an image clearly does not show the person it is compared with."""

    @property
    def rival_margin(self) -> float:
        """By how much another person's score has to be lower for that person to be nearer, and not by accident."""

    @property
    def addition_threshold(self) -> float:
        """The highest score at which a face may be added to those that a person is enrolled with."""

    @property
    def same_person_threshold(self) -> float:
        """The highest score at which two templates are one person's beyond doubt; minus infinity where unknown."""

    def model_threshold(self, model: str) -> float:
        """Return the distance at which this model alone would vote for one image."""

    def fmr_at(self, score: float, required: int, images: int) -> float | None:
        """Return the false match rate at which a first look would just pass; None where not calibrated."""

    def fmr_at_found(self, score: float, required: int, images: int) -> float | None:
        """Return the same for the claimed person's `required`-th best score in a search."""

    def fmr_at_second_look(self, score: float, required: int, comparisons: int, images: int) -> float | None:
        """Return the same for a second look."""


class EnrolledFaces(dict[str, Floats]):
    """Each model's embeddings of a person's enrolled source crops: float32 (m, d), oldest first.

    `first` says how many of the m came with the person's first enrolment; all of them if it is not given.
    """

    def __init__(self, embeddings: Mapping[str, Floats], first: int | None = None) -> None:
        super().__init__(embeddings)
        self.first = max((len(rows) for rows in self.values()), default=0) if first is None else first

    @property
    def first_ones(self) -> EnrolledFaces:
        """The faces of the first enrolment alone."""
        return EnrolledFaces({name: rows[: self.first] for name, rows in self.items()}, self.first)


@dataclass(frozen=True)
class Person:
    """A row of the people table. `key` is its primary key, `path` its folder relative to DB_PATH.

    `name` is what the row holds: lower-case, `_` for spaces. `given_name` is the name as it was given, or empty.
    """

    key: int
    id: str
    name: str
    path: str
    given_name: str = ""
