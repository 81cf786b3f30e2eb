"""Smiles and blinks are told from a person's own neutral frame, and only where they are asked for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.stages.challenge import ACTIONS, BLINK, SMILE, Pose, expressions, fulfils
from pipeline.stages.expression import eye_openness, mouth_width
from pipeline.types import Box, Crop, Floats
from settings.keys import KEYS
from tests.unit.test_motion import FLAT, HEAD, seen

S, SMILES, BLINKS, B, L = Pose.STRAIGHT, Pose.SMILES, Pose.BLINKS, Pose.BETWEEN, Pose.LEFT
LEFT, RIGHT = ACTIONS[:2]


def mouth(wider: float) -> Floats:
    """Return a face's landmarks with its mouth so many times as wide."""
    return seen(HEAD * np.where(np.arange(5)[:, None] >= 3, [wider, 1, 1], [1, 1, 1]))


def eyes(is_open: bool, light: float = 1.0, apart: float = 60.0) -> Crop:
    """Draw two eyes: open ones with white and iris, closed ones a line of lashes."""
    picture = np.full((240, 240, 3), 170, np.float32)
    landmarks = seen(HEAD, size=apart / 35.2) - [180, 80]
    for x, y in landmarks[:2]:
        centre, width = (round(float(x)), round(float(y))), round(apart / 5)
        if is_open:
            cv2.ellipse(picture, centre, (width, width // 2), 0, 0, 360, (225, 225, 225), -1, cv2.LINE_AA)
            cv2.circle(picture, centre, width // 2, (50, 50, 50), -1, cv2.LINE_AA)
        else:
            cv2.ellipse(picture, centre, (width, width // 4), 0, 0, 180, (70, 70, 70), 3, cv2.LINE_AA)
    pixels = np.clip(picture * light, 0, 255).astype(np.uint8)
    return Crop(pixels, landmarks.astype(np.float32), Box(60, 60, 120, 120), "")


def looks_of(*crops: Crop, asked: tuple[str, ...] = (BLINK,)) -> list[Pose]:
    landmarks = [crop.landmarks for crop in crops]
    return expressions([S] * len(crops), landmarks, crops.__getitem__, asked)


def no_crop(at: int) -> Crop:
    raise AssertionError("no crop is needed")


def test_a_mouth_that_is_much_wider_smiles() -> None:
    landmarks = [mouth(wider) for wider in (1.0, 1.2, 1.09, 1.03, 0.8)]
    assert expressions([S] * 5, landmarks, no_crop, [SMILE]) == [S, SMILES, B, S, S]
    assert mouth_width(landmarks[1]) == pytest.approx(1.2 * mouth_width(landmarks[0]), rel=1e-3)


def test_what_is_not_asked_for_is_not_looked_at_and_turned_heads_do_not_smile() -> None:
    landmarks = [mouth(1.0), mouth(1.2)]
    assert expressions([S, S], landmarks, no_crop, [LEFT, RIGHT]) == [S, S]
    assert expressions([S, L], landmarks, no_crop, [SMILE]) == [S, L]
    assert expressions([B, S], landmarks, no_crop, [SMILE]) == [B, SMILES]
    assert expressions([], [], no_crop, [SMILE, BLINK]) == []


def test_a_picture_that_is_turned_does_not_smile() -> None:
    flat = [seen(FLAT, yaw, pitch) for yaw in (0, 15, 30, 45) for pitch in (0, 20, -20)]
    assert set(expressions([S] * len(flat), flat, no_crop, [SMILE])) <= {S, B}


@pytest.mark.parametrize("apart", [30, 60, 90])
def test_eyes_that_close_blink_whatever_the_light(apart: float) -> None:
    opened, closed = eyes(True, apart=apart), eyes(False, apart=apart)
    darker = eyes(True, 0.5, apart)
    assert looks_of(opened, closed, darker, eyes(False, 0.5, apart)) == [S, BLINKS, S, BLINKS]
    assert eye_openness(darker) == pytest.approx(eye_openness(opened), rel=0.1)


def test_eyes_that_were_closed_at_first_do_not_blink_and_no_eyes_never_do() -> None:
    blank = Crop(np.full((240, 240, 3), 90, np.uint8), eyes(True).landmarks, Box(60, 60, 120, 120), "")
    assert looks_of(eyes(False), eyes(False), eyes(True)) == [S, S, S]
    assert looks_of(blank, blank, eyes(False)) == [S, S, S]


def test_a_smile_is_seen_before_a_blink_and_a_blink_before_half_a_smile() -> None:
    opened, closed = eyes(True), eyes(False)
    landmarks = [mouth(1.0), mouth(1.2), mouth(1.09)]
    crops = [opened, closed, closed]
    assert expressions([S] * 3, landmarks, crops.__getitem__, [SMILE, BLINK]) == [S, SMILES, BLINKS]


@pytest.mark.parametrize(
    ("done", "asked", "is_enough"),
    [
        ([SMILE, LEFT, SMILE], [SMILE, LEFT, SMILE], True),
        ([BLINK, LEFT, BLINK, BLINK, SMILE, BLINK], [LEFT, BLINK, SMILE], True),
        ([LEFT, SMILE], [LEFT, BLINK, SMILE], False),
        ([BLINK, BLINK], [BLINK, BLINK, BLINK], False),
        ([LEFT, SMILE, RIGHT], [LEFT, RIGHT], False),
        ([LEFT, LEFT], [LEFT], False),
        ([SMILE, LEFT], [LEFT, SMILE], False),
        ([], [BLINK], False),
    ],
)
def test_what_is_asked_for_has_to_be_done_in_order_and_only_blinks_are_free(
    done: list[str], asked: list[str], is_enough: bool
) -> None:
    assert fulfils(done, asked) is is_enough


def test_the_setting_names_all_actions_and_asks_for_turns_alone_where_nobody_says() -> None:
    (key,) = (key for key in KEYS if key.name == "CHALLENGE_ACTIONS")
    assert all(action in key.accepted for action in ACTIONS)
    assert key.default == f"{LEFT},{RIGHT}"
