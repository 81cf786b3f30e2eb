"""Smiles and blinks, against a neutral frame of the same person: the mouth's width, and how open the eyes look.

Both are rough, and docs/challenge.md says how rough. The mouth's corners are landmarks; eyelids are not, so an eye's
openness is read off its edges: an open eye has upright ones (the iris, the white), a closed one mostly level ones.
"""

import cv2
import numpy as np

from pipeline.stages.align import similarity
from pipeline.stages.quality.geometry import inter_eye_distance
from pipeline.types import Crop, Floats

_APART = 40
"""Pixels between the eyes in the strip that openness is read off."""
_PATCH = 28, 20
"""Width and height of an eye in that strip."""
_INNER = slice(5, 15), slice(6, 22)
"""Rows and columns of an eye that count: without the brow."""


def mouth_width(landmarks: Floats) -> float:
    """Return the distance between the mouth's corners over that between the eyes, from landmarks (5, 2)."""
    return float(np.linalg.norm(landmarks[4] - landmarks[3])) / max(inter_eye_distance(landmarks), 1e-6)


def eye_openness(crop: Crop) -> float:
    """Return the strength of both eyes' upright edges over that of their level ones; more is more open.

    Means nothing by itself: compare it with another frame of the same person. 0 where the crop shows no edges.
    """
    strip = cv2.GaussianBlur(_eye_strip(crop), (0, 0), 1)
    eyes = strip[:, : _PATCH[0]], strip[:, _APART:]
    upright = sum(float(np.abs(np.diff(eye, axis=1)[_INNER]).sum()) for eye in eyes)
    level = sum(float(np.abs(np.diff(eye, axis=0)[_INNER]).sum()) for eye in eyes)
    return upright / level if level > 0 else 0.0


def _eye_strip(crop: Crop) -> Floats:
    """Return both eyes, grey, level and at one size: float32 (20, 68)."""
    shrink = max(1, int(inter_eye_distance(crop.landmarks) / _APART))
    size = max(1, crop.pixels.shape[1] // shrink), max(1, crop.pixels.shape[0] // shrink)
    small = cv2.resize(crop.pixels, size, interpolation=cv2.INTER_AREA)
    scale = np.array(size) / crop.pixels.shape[1::-1]
    middle = (_PATCH[0] - 1) / 2, (_PATCH[1] - 1) / 2
    matrix = similarity((crop.landmarks[:2] + 0.5) * scale - 0.5, [middle, (middle[0] + _APART, middle[1])])
    strip = cv2.warpAffine(small, matrix, (_APART + _PATCH[0], _PATCH[1]), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(strip, cv2.COLOR_RGB2GRAY), dtype=np.float32)
