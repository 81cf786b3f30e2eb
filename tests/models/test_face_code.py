"""Copies of a photo are known by the face's code, however they are edited; new photos of the person are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.models.mtcnn import MtcnnDetector
from pipeline.stages.align import crop_face
from pipeline.stages.face_code import face_views
from pipeline.stages.replay import NEAR_FACE_BITS
from pipeline.types import Crop, Photo, Pixels
from tests.models.faces import pixels_of
from tools.evaluation.faces import subject

pytestmark = pytest.mark.models

PEOPLE = 8


def moved(pixels: Pixels, degrees: float = 0.0, shift: float = 0.0) -> Pixels:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] += shift
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def lit(pixels: Pixels, factor: float) -> Pixels:
    return np.asarray(np.clip(pixels * factor, 0, 255), np.uint8)


def cut(pixels: Pixels, share: float) -> Pixels:
    height, width = pixels.shape[:2]
    return pixels[int(share * height) : -int(share * height), int(share * width) : -int(share * width)]


def sized(pixels: Pixels, factor: float) -> Pixels:
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def compressed(pixels: Pixels, quality: int) -> Pixels:
    data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return pixels_of(bytes(data.tobytes()))


EDITS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "crop": lambda photo: cut(photo, 0.05),
    "tight crop": lambda photo: cut(photo, 0.15),
    "mirror": lambda photo: photo[:, ::-1],
    "turn": lambda photo: moved(photo, 4.0),
    "turn more": lambda photo: moved(photo, 8.0),
    "shift": lambda photo: moved(photo, 0.0, 12.0),
    "border": lambda photo: np.pad(photo, ((30, 30), (30, 30), (0, 0))),
    "size": lambda photo: sized(photo, 0.6),
    "brighter": lambda photo: lit(photo, 1.25),
    "darker": lambda photo: lit(photo, 0.75),
    "compression": lambda photo: compressed(photo, 40),
}


@pytest.fixture(scope="module")
def people(shared_data: Path) -> list[list[Pixels]]:
    """Return up to four photos of each of some people."""
    folders = sorted((shared_data / "data" / "lfw" / "images").iterdir())
    several = [files for files in (sorted(folder.glob("*.jpg")) for folder in folders) if len(files) > 1]
    return [[pixels_of(file) for file in files[:4]] for files in several[:PEOPLE]]


@pytest.fixture(scope="module")
def crops_of() -> Callable[[list[Pixels]], list[Crop]]:
    detector = MtcnnDetector()

    def crops_of(photos: list[Pixels]) -> list[Crop]:
        found = detector.detect(photos)
        whole = [Photo("", pixels, "") for pixels in photos]
        subjects = [subject(photo, faces) for photo, faces in zip(whole, found, strict=True)]
        return [crop_face(photo, one) for photo, one in zip(whole, subjects, strict=True) if one]

    return crops_of


def differing(code: bytes, crop: Crop) -> int:
    """Return the bits in which a face's code and the nearest view of a crop differ."""
    known = int.from_bytes(code, "big")
    return min((int.from_bytes(view, "big") ^ known).bit_count() for view in face_views(crop))


def test_copies_are_known_in_19_of_20(
    people: list[list[Pixels]], crops_of: Callable[[list[Pixels]], list[Crop]]
) -> None:
    photos = [its_photos[0] for its_photos in people]
    codes = [face_views(crop)[0] for crop in crops_of(photos)]
    missed = dict.fromkeys(EDITS, 0)
    for name, edit in EDITS.items():
        copies = crops_of([np.ascontiguousarray(compressed(edit(photo), 90)) for photo in photos])
        missed[name] = sum(differing(*each) > NEAR_FACE_BITS for each in zip(codes, copies, strict=True))
    assert sum(missed.values()) <= 0.05 * PEOPLE * len(EDITS), missed


def test_new_photos_of_the_same_person_are_no_copies(
    people: list[list[Pixels]], crops_of: Callable[[list[Pixels]], list[Crop]]
) -> None:
    for photos in people:
        crops = crops_of(photos)
        for one, other in combinations(crops, 2):
            assert differing(face_views(one)[0], other) > 1.2 * NEAR_FACE_BITS
