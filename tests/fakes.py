"""Small real stand-ins for the models, for tests whose subject is a rule and not a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from codes_dict import Code, Refusal
from pipeline.stages.sightings import Sighting
from pipeline.types import (
    BothSides,
    Box,
    Counts,
    Crop,
    Detection,
    Face,
    Floats,
    Liveness,
    LivenessAbout,
    LivenessVerdict,
    Photo,
    Pixels,
)


class ColourDetector:
    """Finds one face in the middle of every photo, but none in a black one."""

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        """Return one detection per photo that is not black."""
        return [[detection_in(photo)] if photo.any() else [] for photo in photos]


class ColourEmbedder:
    """Embeds a crop as its mean colour, so that "the same person" can be decided by hand; counts its calls."""

    name, version, size = "Colour", "0" * 16, 3

    def __init__(self) -> None:
        self.calls: list[int] = []

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Return the mean red, green and blue of every crop, 1 to 256."""
        self.calls.append(len(crops))
        return np.array([crop.pixels.reshape(-1, 3).mean(axis=0) + 1 for crop in crops], np.float32).reshape(-1, 3)

    def both_sides(self, crops: Sequence[Crop]) -> BothSides:
        """Return the same for faces and mirror images: a mirror keeps colours."""
        vectors = self.embed(crops)
        return BothSides(vectors, vectors)


class ColourScorer:
    """One model, its distance as the score; thresholds are given."""

    models = ("Colour",)
    calibrated = True

    def __init__(self, threshold: float = 0.01, second: float = 0.01, search: float = 0.01) -> None:
        self.first, self.second, self.searching = threshold, second, search
        self.told: list[Counts | int | None] = []
        """How many crops each fusion was told are behind what is compared."""

    def fuse(
        self,
        distances: Mapping[str, Floats],
        enrolled: Counts | int | None = None,
        lengths: Mapping[str, Floats] | None = None,
    ) -> Floats:
        """Return the one model's distances."""
        self.told.append(enrolled)
        return distances["Colour"]

    def threshold(self, required: int, images: int) -> float:
        """Return the given threshold."""
        return self.first

    def threshold_at(self, rate: float) -> float:
        """Return the given threshold, whatever the rate."""
        return self.first

    @property
    def typical_stranger(self) -> float:
        """Return a score of two colours that differ a lot."""
        return 0.5

    def second_look_threshold(self, required: int, comparisons: int, images: int) -> float:
        """Return the given threshold."""
        return self.second

    def found_threshold(self, required: int, images: int) -> float:
        """Return the given threshold."""
        return self.first

    def search_threshold(self, people: int, images: int) -> float:
        """Return the given threshold."""
        return self.searching

    def fpir_at(self, score: float, people: int, images: int) -> float | None:
        """Return one in a hundred, whatever the score."""
        return 0.01

    @property
    def mismatch_threshold(self) -> float:
        """Return ten times the given threshold."""
        return 10 * self.first

    @property
    def rival_margin(self) -> float:
        """Return a tenth of the given threshold."""
        return abs(self.first) / 10

    @property
    def addition_threshold(self) -> float:
        """Return the given threshold."""
        return self.first

    @property
    def same_person_threshold(self) -> float:
        """Return a hundredth of the given threshold."""
        return self.first / 100

    def model_threshold(self, model: str) -> float:
        """Return the given threshold."""
        return self.first

    def fmr_at(self, score: float, required: int, images: int) -> float | None:
        """Return one in a hundred, whatever the score."""
        return 0.01

    def fmr_at_found(self, score: float, required: int, images: int) -> float | None:
        """Return one in a hundred, whatever the score."""
        return 0.01

    def fmr_at_second_look(self, score: float, required: int, comparisons: int, images: int) -> float | None:
        """Return one in a hundred, whatever the score."""
        return 0.01


class GivenAttributes:
    """Finds everybody 30 or 31 years old, a woman, and happy; with `missing`, has none of the models."""

    missing = False

    def estimate(self, crops: Sequence[Crop], names: Sequence[str]) -> list[dict[str, dict[str, float]]]:
        """Return the same for every crop."""
        if self.missing:
            raise Refusal(Code.NO_WEIGHTS, advice="Put the files there.")
        given = {
            "age": {"30": 0.5, "31": 0.5},
            "gender": {"Woman": 0.9, "Man": 0.1},
            "emotion": {"happy": 0.8, "sad": 0.2},
        }
        return [{name: given[name] for name in names} for _ in crops]


class GivenJudge:
    """Gives every face the state that a function decides."""

    def __init__(self, state_of: Callable[[Face], Liveness]) -> None:
        self.state_of = state_of

    @property
    def about(self) -> LivenessAbout:
        """Return the one engine that there is not."""
        return LivenessAbout(("given",))

    def judge(self, faces: Sequence[Face]) -> list[LivenessVerdict]:
        """Return one verdict per face."""
        return [LivenessVerdict(self.state_of(face), 0.5, 0.5, {"given": 0.5}) for face in faces]


def detection_in(photo: Pixels) -> Detection:
    """Return a detection of half the photo's size in its middle, with landmarks where a face has them."""
    height, width = photo.shape[:2]
    box = Box(width / 4, height / 4, width / 2, height / 2)
    share = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.38, 0.75], [0.62, 0.75]], np.float32)
    points = share * np.array([box.width, box.height]) + np.array([box.left, box.top])
    return Detection(box, points.astype(np.float32), 0.99)


def photo_of(colour: tuple[int, int, int], name: str = "photo", side: int = 64) -> Photo:
    """Return a photo of one colour."""
    return Photo(name, np.full((side, side, 3), colour, np.uint8), f"{name}-{colour}")


def face_of(colour: tuple[int, int, int], name: str = "photo") -> Face:
    """Return a face of one colour; its crop is its whole photo."""
    photo = photo_of(colour, name)
    detection = detection_in(photo.pixels)
    return Face(photo, detection, Crop(photo.pixels, detection.landmarks, detection.box, photo.digest))


def sighting_of(colour: tuple[int, int, int], name: str = "photo", group: int = 0, **known: Any) -> Sighting:
    """Return a sighting of a face of one colour, embedded by `ColourEmbedder`; `known` are further fields."""
    face = face_of(colour, name)
    vectors = {"Colour": ColourEmbedder().embed([face.crop])[0]}
    return Sighting(face.photo, face.detection, face.crop, group, embeddings=vectors, **known)
