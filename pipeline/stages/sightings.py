"""One face on its way through a request's stages, and the faces that are compared in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from pipeline.ports import PhotoMark
from pipeline.types import NO_PIXELS, Face, Floats, LivenessVerdict, Photo


@dataclass(frozen=True, eq=False)
class Sighting(Face):
    """A face, and what the stages have found out about it so far.

    All faces of a photo share one `photo` object. `group` numbers its distinct image: near-identical photos have one
    group. `good` says that the photo's score reached SCORE_TOL when it was uploaded. `embeddings` are those that are
    known, float32 (d,) by model.
    """

    group: int = 0
    good: bool = True
    embeddings: Mapping[str, Floats] = field(default_factory=dict)
    verdict: LivenessVerdict | None = None
    mark: PhotoMark | None = None


@dataclass(frozen=True, eq=False)
class Probes:
    """The faces of a request that are compared; `images` counts its distinct images, before any was dropped."""

    faces: Sequence[Sighting]
    images: int

    @cached_property
    def embeddings(self) -> dict[str, Floats]:
        """Return all faces' embeddings: float32 (faces, d) per model."""
        return stacked(self.faces)

    @property
    def chances(self) -> int:
        """How many chances an impostor has: every face is one, and so is an image without a live face.

        A photo counts by its best face, so a photo with ten faces is ten times as likely to hold one that fits by
        accident. Thresholds are for so many chances.
        """
        return max(self.images, len(self.faces))

    @cached_property
    def groups(self) -> list[list[int]]:
        """Return the faces of every distinct image, as indices."""
        groups: dict[int, list[int]] = {}
        for index, face in enumerate(self.faces):
            groups.setdefault(face.group, []).append(index)
        return list(groups.values())

    def best_per_image(self, scores: Floats) -> list[int]:
        """Return the face with the lowest score of every distinct image, as indices, best first."""
        best: dict[int, int] = {}
        for index in np.argsort(scores, kind="stable"):
            best.setdefault(self.faces[int(index)].group, int(index))
        return list(best.values())


def stacked(faces: Sequence[Sighting]) -> dict[str, Floats]:
    """Return the embeddings of one or more faces as arrays: float32 (faces, d) per model."""
    return {name: np.stack([face.embeddings[name] for face in faces]) for name in faces[0].embeddings}


def largest_of_each(faces: Sequence[Sighting]) -> list[Sighting]:
    """Return the largest face of each photo, in the photos' order."""
    largest: dict[Photo, Sighting] = {}
    for face in faces:
        if face.detection.box.area > largest.setdefault(face.photo, face).detection.box.area:
            largest[face.photo] = face
    return list(largest.values())


def without_pixels(faces: Sequence[Sighting]) -> list[Sighting]:
    """Return the faces without their photos' pixels, so that these can be freed; the source crops stay."""
    bare = {photo: replace(photo, pixels=NO_PIXELS) for photo in dict.fromkeys(face.photo for face in faces)}
    return [replace(face, photo=bare[face.photo]) for face in faces]
