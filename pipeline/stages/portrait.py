"""The picture of a face that people look at: upright, the whole head, at the operator's size."""

from __future__ import annotations

import numpy as np

from pipeline.stages.align import warp
from pipeline.types import Crop, Pixels

_PLACES = np.array([[0.39, 0.42], [0.61, 0.42], [0.50, 0.54], [0.41, 0.66], [0.59, 0.66]], np.float32)
"""Where eyes, nose and mouth's corners come to lie, as shares of the picture's shorter side around its middle."""


def portrait(crop: Crop, size: tuple[int, int]) -> Pixels:
    """Return the face as a picture of `size` (width, height), upright and in proportion. Verdicts never use it."""
    width, height = size
    side = min(width, height)
    margin = np.array([width - side, height - side], np.float32) / 2
    return warp(crop, _PLACES * side + margin, size)
