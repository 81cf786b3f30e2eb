"""From photos to faces: what the detector finds, and which of it a stage may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codes_dict import Code
from pipeline.stages.align import crop_face
from pipeline.types import Detector, Face, Photo

MOST_FACES = 10
"""Faces of one photo that are considered, the largest first."""

PHOTOS_AT_ONCE = 8
"""Photos that are in memory together at the detector."""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """A photo that goes no further, and the code that says why."""

    photo: Photo
    code: Code


def find_faces(photos: Sequence[Photo], detector: Detector) -> list[list[Face]]:
    """Return each photo's faces, largest first, at most ten; one list per photo, in the photos' order."""
    found: list[list[Face]] = []
    for start in range(0, len(photos), PHOTOS_AT_ONCE):
        batch = photos[start : start + PHOTOS_AT_ONCE]
        detected = detector.detect([photo.pixels for photo in batch])
        for photo, detections in zip(batch, detected, strict=True):
            largest = sorted(detections, key=lambda one: one.box.area, reverse=True)[:MOST_FACES]
            found.append([Face(photo, one, crop_face(photo, one)) for one in largest])
    return found


def single_faces(photos: Sequence[Photo], faces: Sequence[Sequence[Face]]) -> tuple[list[Face], list[LeftOut]]:
    """Split photos into the faces of those that show exactly one, and those that are left out."""
    kept: list[Face] = []
    left_out: list[LeftOut] = []
    for photo, its_faces in zip(photos, faces, strict=True):
        if len(its_faces) == 1:
            kept.append(its_faces[0])
        else:
            left_out.append(LeftOut(photo, Code.NO_SINGLE_FACE if its_faces else Code.NO_FACE))
    return kept, left_out
