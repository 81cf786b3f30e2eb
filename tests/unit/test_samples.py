"""The console's sample photos are what `tools.samples` draws."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tools.samples.__main__ import FOLDER, SCENES
from tools.samples.render import photo

SIDE = 96


def test_every_sample_photo_has_a_scene() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(SCENES)


@pytest.mark.slow
def test_a_shipped_photo_is_the_one_that_is_drawn() -> None:
    shipped = cv2.cvtColor(cv2.imread(str(FOLDER / "sample_2.jpg")), cv2.COLOR_BGR2RGB)
    small = cv2.resize(shipped, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    assert np.abs(photo(SCENES["sample_2"], SIDE) - small).mean() < 6
