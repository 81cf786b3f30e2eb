"""Cues between photos: heads move as heads do, and pictures as pictures."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.ledger import Ledger
from pipeline.models.mtcnn import MtcnnDetector
from pipeline.stages.motion import cues_between, heed_cues
from pipeline.stages.sightings import Sighting, largest_of_each
from pipeline.types import NO_PIXELS, Box, Crop, Detection, Floats, Liveness, LivenessVerdict, Photo, Pixels

HEAD = np.array(
    [[-17.6, -21, 0], [17.6, -21, 0], [0, 0, 16], [-14, 21, 3], [14, 21, 3]], np.float64
)  # eyes, nose and mouth corners of a head, in units of which the eyes are 35 apart; depth towards the camera
FLAT = HEAD * [1, 1, 0]


def seen(points: np.ndarray, yaw: float = 0, pitch: float = 0, size: float = 5.0, roll: float = 0) -> Floats:
    """Return the landmarks of a head or a picture, turned (degrees) and seen by a camera at ten heads' distance."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turned = points @ (about_z @ about_x @ about_y).T
    nearer = 1000 / (1000 - turned[:, 2:])
    return np.asarray(turned[:, :2] * nearer * size + [300, 200], np.float32)


TURNS = [(0.0, 0.0), (35.0, 5.0), (-30.0, -10.0)]


def test_a_head_that_turns_is_no_picture() -> None:
    cues = cues_between([seen(HEAD, *turn) for turn in TURNS])
    assert (cues.photos, cues.flat) == (3, False)
    assert cues.parallax > 0.5 * cues.change > 0.04


def test_a_picture_that_is_turned_is_flat() -> None:
    cues = cues_between([seen(FLAT, *turn, size=4 + turn[0] / 50, roll=turn[1]) for turn in TURNS])
    assert (cues.flat, cues.change > 0.08, cues.parallax < 0.02) == (True, True, True)


def test_a_face_that_does_not_change_says_nothing() -> None:
    same = [seen(FLAT, size=size, roll=roll) for size, roll in ((4, 0), (5, 10), (6, -20))]
    assert cues_between(same).change == pytest.approx(0, abs=1e-3)
    assert not cues_between(same).flat


def test_two_photos_or_one_are_too_few() -> None:
    turned = [seen(FLAT, *turn) for turn in TURNS]
    assert not cues_between(turned[:2]).flat
    assert cues_between(turned[:1]).change == 0
    assert cues_between([np.zeros((5, 2), np.float32)] * 3).flat is False


PHOTOS = [Photo(str(number), NO_PIXELS, str(number)) for number in range(3)]
LIVE, SPOOF = (LivenessVerdict(state, 0.5, 0.5) for state in (Liveness.LIVE, Liveness.SPOOF))


def face(landmarks: Floats, photo: int, width: float = 100, verdict: LivenessVerdict = LIVE) -> Sighting:
    box = Box(0, 0, width, width)
    crop = Crop(NO_PIXELS, landmarks, box, "")
    return Sighting(PHOTOS[photo], Detection(box, landmarks, 0.99), crop, verdict=verdict)


def test_flat_faces_become_uncertain_and_the_ledger_says_why() -> None:
    verdicts = [LIVE, LIVE, SPOOF]
    faces = [face(seen(FLAT, *turn), number, 100, verdicts[number]) for number, turn in enumerate(TURNS)]
    bystander = face(seen(HEAD), 0, width=40)
    ledger = Ledger()
    heeded = heed_cues([*faces, bystander], 1, ledger)
    states = [Liveness.UNCERTAIN, Liveness.UNCERTAIN, Liveness.SPOOF, Liveness.LIVE]
    assert [one.verdict and one.verdict.state for one in heeded] == states
    row = ledger.as_list()[0]
    assert (row["name"], row["in"], row["out"]) == ("cues", 3, 0)
    assert (row["items"][0]["flat"], row["items"][0]["near_identical"]) == (True, 1)
    assert "flat picture" in row["advice"]


def test_one_photo_has_no_row() -> None:
    ledger = Ledger()
    alone = [face(seen(HEAD), 0)]
    assert heed_cues(alone, 0, ledger) == alone
    assert ledger.as_list() == []


def test_the_largest_face_of_each_photo_is_looked_at() -> None:
    small, large, other = face(seen(HEAD), 0, 50), face(seen(HEAD), 0, 90), face(seen(HEAD), 1, 40)
    assert largest_of_each([small, large, other]) == [large, other]


def frames_of(clip: Path) -> list[Pixels]:
    """Return a clip's frames, RGB."""
    capture = cv2.VideoCapture(str(clip))
    frames = []
    while (read := capture.read())[0]:
        frames.append(np.ascontiguousarray(read[1][..., ::-1], np.uint8))
    capture.release()
    return frames


@pytest.mark.models
def test_no_bona_fide_clip_moves_like_a_picture(shared_data: Path) -> None:
    detector = MtcnnDetector()
    names = ("Apfol_real2.webm", "Krzysiek354_real.mp4", "intel_head-pose-female.gif", "intel_head-pose-male.gif")
    for name in names:
        frames = frames_of(shared_data / "data" / "video" / name)
        chosen = [frames[at] for at in np.linspace(0, len(frames) - 1, 9).astype(int)]
        found = detector.detect(chosen)
        landmarks = [one[0].landmarks for one in found if one]
        assert len(landmarks) >= 8
        assert not any(cues_between(three).flat for three in itertools.combinations(landmarks, 3))
