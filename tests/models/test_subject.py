"""Who counts in a photo, with the real detector: a second person beside the subject, and portraits on cards."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.models import second_faces
from pipeline.models.mtcnn import MtcnnDetector
from pipeline.stages.subject import COUNTS, People, people_of
from pipeline.stages.upright import find_faces
from pipeline.types import Photo, Pixels
from tests.models.faces import pixels_of

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def detector() -> MtcnnDetector:
    return MtcnnDetector()


def people(pixels: Pixels, detector: MtcnnDetector) -> People:
    (faces,) = find_faces([Photo("a", pixels, "")], detector, lambda photo: None)
    return people_of(faces)


def face_cut(pixels: Pixels, detector: MtcnnDetector, width: float) -> Pixels:
    """Return the photo's subject with hair and neck, scaled so that the face is so many pixels wide."""
    box = people(pixels, detector).subject.box
    left, top = round(box.left - box.width / 2), round(box.top - box.height / 3)
    cut = pixels[max(0, top) : round(top + 1.8 * box.height), max(0, left) : round(left + 2 * box.width)]
    scale = width / box.width
    return np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def beside(subject: Pixels, other: Pixels) -> Pixels:
    """Return both side by side, the other one lower."""
    height = max(len(subject), len(other))
    return np.hstack([np.pad(one, ((height - len(one), 0), (0, 0), (0, 0)), mode="edge") for one in (subject, other)])


@pytest.mark.parametrize("size", [0.5, 0.7, 1.0])
def test_a_second_person_beside_the_subject_counts(
    detector: MtcnnDetector, astronaut: bytes, grace_hopper: bytes, size: float
) -> None:
    subject, other = (
        face_cut(pixels_of(astronaut), detector, 150),
        face_cut(pixels_of(grace_hopper), detector, 150 * size),
    )
    both = people(beside(subject, other), detector)
    assert both.count == 2
    found = both.others[0].box if size < 1 else max((both.subject.box, both.others[0].box), key=lambda box: box.left)
    assert found.centre[0] > subject.shape[1]


def test_a_second_person_whom_the_photo_cuts_in_two_counts(
    detector: MtcnnDetector, astronaut: bytes, grace_hopper: bytes
) -> None:
    photo = np.full((480, 640, 3), (95, 120, 110), np.uint8)
    photo[40:460, 60:440] = pixels_of(astronaut)[:420, 60:440]
    photo[180:, 500:] = cv2.resize(pixels_of(grace_hopper), None, fx=0.5, fy=0.5)[:, :140]
    assert len(detector.detect_scaled([photo], [1.0])[0]) == 1  # the networks alone miss one
    both = people(photo, detector)
    assert both.count == 2
    assert max(both.subject.box.centre[0], both.others[0].box.centre[0]) > 500


def test_who_is_looked_for_is_who_counts() -> None:
    assert second_faces.COUNTS == COUNTS


@pytest.mark.parametrize("size", [0.1, 0.2, 0.3])
def test_a_portrait_on_a_card_that_is_held_up_does_not_count(
    detector: MtcnnDetector, astronaut: bytes, size: float
) -> None:
    subject, portrait = (face_cut(pixels_of(astronaut), detector, width) for width in (150, 150 * size))
    card = cv2.copyMakeBorder(portrait, 10, 10, 10, 60, cv2.BORDER_CONSTANT, value=(235, 235, 225))
    assert people(beside(subject, np.asarray(card, np.uint8)), detector).count == 1
