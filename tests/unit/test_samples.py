"""The console's sample photos are what `tools.samples` draws."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tools.samples.__main__ import FOLDER, SCENES
from tools.samples.build import Build
from tools.samples.render import Scene, photo
from tools.samples.triplets import BUILDS, Distances, paint, told

SIDE = 96


def test_every_sample_photo_has_a_scene() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(SCENES)


def test_somebody_else_has_another_face_and_the_first_person_stays() -> None:
    first = Scene(yaw=-6)
    own, same = (photo(one, 48) for one in (first, Scene(yaw=-6, build=Build())))
    assert (own == same).all()
    for build in list(BUILDS.values())[1:]:
        other = photo(Scene(yaw=-6, build=build), 48)
        assert np.abs(other.astype(np.int16) - own).mean() > 4


def test_distances_are_told_and_painted(tmp_path: Path) -> None:
    values = np.array([[0.0, 0.1, 0.5], [0.1, 0.0, 0.4], [0.5, 0.4, 0.0]], np.float32)
    found = Distances(["Ada", "Ada", "Ben"], [np.zeros((8, 8, 3), np.uint8)] * 3, values, 0.285)
    assert told(found).splitlines()[-1] == "one person: at most 0.100; two: at least 0.400; threshold 0.285"
    paint(found, tmp_path / "distances.png")
    painted = cv2.imread(str(tmp_path / "distances.png"))
    assert painted is not None
    assert painted.shape == (420, 420, 3)


@pytest.mark.slow
def test_a_shipped_photo_is_the_one_that_is_drawn() -> None:
    shipped = cv2.cvtColor(cv2.imread(str(FOLDER / "sample_2.jpg")), cv2.COLOR_BGR2RGB)
    small = cv2.resize(shipped, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    assert np.abs(photo(SCENES["sample_2"], SIDE) - small).mean() < 6
