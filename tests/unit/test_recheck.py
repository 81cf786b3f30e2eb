"""Small faces that would count beside the subject are looked at a second time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pipeline.stages.recheck import MOST_LOOKS, SURE, VIEWS, without_mistakes
from pipeline.types import Box, Detection, Pixels
from tests.fakes import detection_in, photo_of

RED = (200, 10, 10)


def face(left: float, width: float, confidence: float = 0.99) -> Detection:
    return replace(detection_in(photo_of(RED).pixels), box=Box(left, 10, width, width), confidence=confidence)


class SecondLook:
    """Finds in the middle of each cut what it is told, in the order of asking; by face, with its confidence."""

    def __init__(self, *confidences: float, only_mirrored: bool = False, beside: Sequence[float] = (0.0, 0.0)) -> None:
        self.confidences, self.only_mirrored, self.beside = confidences, only_mirrored, beside
        self.seen: list[Pixels] = []

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        self.seen += photos
        return [self._found(at, photo) for at, photo in enumerate(photos)]

    def _found(self, at: int, cut: Pixels) -> list[Detection]:
        which, is_mirrored = at // (2 * len(VIEWS)), at % 2
        confidence, beside = self.confidences[which], self.beside[which]
        if not confidence or (self.only_mirrored and not is_mirrored):
            return []
        around = VIEWS[at // 2 % len(VIEWS)][0]
        side = len(cut) / around
        corner = (len(cut) - side) / 2
        return [replace(face(0, 9, confidence), box=Box(corner + beside * side, corner, side, side))]


def left(faces: Sequence[Detection], detector: SecondLook) -> list[int]:
    kept = without_mistakes([photo_of(RED)], [faces], detector)[0]
    return [next(at for at, one in enumerate(faces) if one is found) for found in kept]


@pytest.mark.parametrize(
    ("again", "kept"),
    [((1.0, 1.0), [0, 1, 2]), ((SURE, 1.0), [0, 1, 2]), ((SURE - 0.01, 1.0), [0, 2]), ((0.0, 0.0), [0])],
    ids=["both", "just", "not quite", "neither"],
)
def test_what_is_small_and_not_found_again_is_left_out(again: tuple[float, float], kept: list[int]) -> None:
    assert left([face(0, 40), face(42, 19), face(2, 17)], SecondLook(*again)) == kept


def test_being_found_in_the_mirror_image_is_enough() -> None:
    assert left([face(0, 40), face(42, 19)], SecondLook(1.0, only_mirrored=True)) == [0, 1]


def test_what_is_found_elsewhere_in_the_cut_confirms_nothing() -> None:
    assert left([face(0, 40), face(42, 19), face(2, 18)], SecondLook(1.0, 1.0, beside=(0.0, 0.6))) == [0, 1]


@pytest.mark.parametrize(
    "faces",
    [
        [],
        [face(0, 40)],
        [face(0, 40), face(42, 5)],
        [face(0, 40), face(42, 20), face(42, 18)],
        [face(0, 40), *(face(left, 18) for left in range(MOST_LOOKS + 1))],
    ],
    ids=["nobody", "alone", "a badge", "somebody near", "a crowd"],
)
def test_where_a_second_look_changes_nothing_it_is_not_taken(faces: list[Detection]) -> None:
    detector = SecondLook()
    assert left(faces, detector) == [faces.index(one) for one in faces]
    assert detector.seen == []


def test_the_cuts_are_enlarged_and_hold_the_face_s_surroundings() -> None:
    detector = SecondLook(1.0, 1.0)
    left([face(0, 40), face(42, 19)], detector)
    assert [cut.shape[0] for cut in detector.seen[::2]] == [side for _, side in VIEWS]


def test_a_cut_of_a_large_photo_is_averaged() -> None:
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::2] = 200
    photo, detector = replace(photo_of(RED), pixels=stripes), SecondLook(1.0)
    whole, half = (replace(face(0, 0), box=Box(120, 120, side, side)) for side in (400, 192))
    without_mistakes([photo], [[whole, half]], detector)
    first = detector.seen[0]
    assert (len(first), int(first.min()), int(first.max())) == (VIEWS[0][1], 100, 100)
