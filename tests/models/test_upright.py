"""Photos on their side, and small faces in large photos, with the real detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pipeline.models.mtcnn import MtcnnDetector
from pipeline.stages.decode import CLOSER_AREA, decode
from pipeline.stages.opening import turned as turn
from pipeline.stages.quality.geometry import head_pose
from pipeline.stages.upright import find_faces
from pipeline.types import Box, Detection, Photo, Pixels
from tests.models.faces import pixels_of
from tests.picture_files import encoded, noise

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def detector() -> MtcnnDetector:
    return MtcnnDetector()


class Look(NamedTuple):
    photo: Photo
    faces: list[Detection]


def looks(pixels: list[Pixels], detector: MtcnnDetector) -> list[Look]:
    photos = [Photo("a", one, "") for one in pixels]
    faces = find_faces(photos, detector, lambda photo: None)
    return list(map(Look, photos, faces))


def lying(photos: list[Pixels], quarters: int) -> list[Pixels]:
    return [np.ascontiguousarray(np.rot90(pixels, quarters)) for pixels in photos]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photo_on_its_side_is_turned_upright(
    detector: MtcnnDetector, astronaut: bytes, grace_hopper: bytes, quarters: int
) -> None:
    photos = [pixels_of(astronaut), pixels_of(grace_hopper)]
    upright = looks(photos, detector)
    turned = looks(lying(photos, quarters), detector)
    assert [look.photo.turn for look in upright] == [0, 0]
    assert [look.photo.turn for look in turned] == [4 - quarters] * 2
    for one, other in zip(upright, turned, strict=True):
        assert np.array_equal(one.photo.pixels, other.photo.pixels)
        assert np.array_equal(one.faces[0].landmarks, other.faces[0].landmarks)


def test_photos_of_many_people_are_turned_as_they_need_it_and_upright_ones_never(
    detector: MtcnnDetector, shared_data: Path
) -> None:
    files = sorted((shared_data / "data" / "lfw" / "images").glob("*/*.jpg"))
    photos = [pixels_of(file) for file in files[:: len(files) // 30][:30]]
    least = [30, 29, 25, 29]
    for quarters in range(4):
        found = looks(lying(photos, quarters), detector)
        right = [look for look in found if look.photo.turn == -quarters % 4]
        assert len(right) >= least[quarters]
        assert all(abs(head_pose(look.faces[0].landmarks).roll) < 45 for look in right)


class OneSideways:
    """Finds two faces, the larger one less surely, in photos that are wider than high, and a sure one in others."""

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        return [self._faces(photo) for photo in photos]

    def _faces(self, photo: Pixels) -> list[Detection]:
        if photo.shape[0] > photo.shape[1]:
            return [face_at(100, 100, 0.9999)]
        return [face_at(10, 150, 0.95), face_at(300, 100, 0.9999)]


def face_at(left: float, size: float, confidence: float) -> Detection:
    points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]) * size + (left, 10)
    return Detection(Box(left, 10, size, size), points.astype(np.float32), confidence)


def test_one_sure_face_that_counts_keeps_a_photo_as_it_is() -> None:
    photos = [Photo("a", np.zeros((240, 420, 3), np.uint8), "")]
    (faces,) = find_faces(photos, OneSideways(), lambda photo: None)
    assert (photos[0].turn, len(faces)) == (0, 2)


def test_a_photo_without_a_face_is_left_as_it_is(detector: MtcnnDetector) -> None:
    (look,) = looks([noise(300, 200)], detector)
    assert (look.photo.turn, list(look.faces)) == (0, [])


def test_a_photo_is_turned_as_often_as_it_was_asked() -> None:
    photo = Photo("a", noise(5, 4), "")
    assert [turn(photo, quarters).turn for quarters in range(4)] == [0, 1, 2, 3]
    assert turn(turn(photo, 3), 2).turn == 1
    assert turn(photo, 1).pixels.shape == (5, 4, 3)


def test_a_small_face_in_a_large_photo_is_looked_at_in_a_larger_decode(
    detector: MtcnnDetector, astronaut: bytes
) -> None:
    face = pixels_of(astronaut)[:400, 60:460]
    scene = np.full((3000, 4000, 3), 120, np.uint8)
    scene[1200:1600, 1800:2200] = face
    data = encoded(scene, "JPEG", quality=95)
    asked: list[str] = []

    def closer(photo: Photo) -> Photo:
        asked.append(photo.name)
        return decode(photo.name, photo.data, 10**8, 10**8, area=CLOSER_AREA)

    photo = decode("a", data, 10**8, 10**8)
    seen, whole = [photo], [replace(photo, scale=1.0)]
    (faces,) = find_faces(seen, detector, closer)
    assert (asked, seen[0].pixels.shape) == (["a"], (2250, 3000, 3))
    assert seen[0].scale == pytest.approx(0.75)
    assert len(faces) == 1
    find_faces(whole, detector, closer)
    assert asked == ["a"]
    assert whole[0].scale == 1.0
