"""A code of a face that an edited copy of the photo keeps: cropped, mirrored, turned, moved, resized, relit, resaved.

The code is of the aligned face, so it does not depend on the frame around it. What remains after an edit is that the
landmarks are found a pixel away; so a copy is looked up by the codes of several views, moved a little.
"""

from itertools import product

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.stages.align import PORTRAIT_TEMPLATE, Matrix, warp
from pipeline.types import Crop

Grey = npt.NDArray[np.float32]

_PORTRAIT, _FACE, _SIDE = 160, 96, 64
"""Pixels: the aligned portrait, the square of it that holds the face, and what the code is made of."""

_MIDDLE = _PORTRAIT / 2, _PORTRAIT / 2 + 6
_SMOOTHING, _EVENING = 1.0, 8.0
"""Gaussian sigmas: finer detail than the first does not survive a resize; light slower than the second is evened."""

_LOWEST, _HIGHEST = 4, 24
"""The frequencies that count, as sums of the numbers of both directions: 290 bits, in 37 bytes."""

_MOVES = (0.0, 0.0, 0.0, 1.0), *product((-1.5, 1.5), (-1.5, 1.5), (-1.5, 1.5), (0.975, 1.025))
"""Right and down in pixels of the portrait, turn in degrees, and zoom."""


def face_views(crop: Crop) -> list[bytes]:
    """Return the code of a face's source crop, and after it those by which a copy of the face is looked up as well.

    They are the codes of the portrait and its mirror image, moved a little.
    """
    portrait = _portrait(crop)
    sides = portrait, np.ascontiguousarray(portrait[:, ::-1])
    return _codes(np.stack([_view(side, matrix) for side in sides for matrix in _MATRICES]))


def _portrait(crop: Crop) -> Grey:
    aligned = warp(crop, PORTRAIT_TEMPLATE * _PORTRAIT, (_PORTRAIT, _PORTRAIT))
    grey = cv2.cvtColor(aligned, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), _SMOOTHING), np.float32)


def _view(portrait: Grey, matrix: Matrix) -> Grey:
    view = cv2.warpAffine(portrait, matrix, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(view, np.float32)


def _matrix(right: float, down: float, degrees: float, zoom: float) -> Matrix:
    """Return what takes a portrait to the face in it, moved."""
    scale = _SIDE / _FACE
    matrix = np.asarray(cv2.getRotationMatrix2D(_MIDDLE, degrees, zoom * scale))
    matrix[:, 2] += np.array([_SIDE / 2 - _MIDDLE[0], _SIDE / 2 - _MIDDLE[1]]) + np.array([right, down]) * scale
    return matrix


def _codes(views: Grey) -> list[bytes]:
    """Return the signs of each evened view's low frequencies against their median; `views` is (n, side, side)."""
    even = views - _blurred(views)
    even /= np.sqrt(_blurred(even * even)) + 3.0
    waves = (_WAVES @ (even @ _WAVES.T))[:, _KEPT]
    bits = waves > np.median(waves, axis=1, keepdims=True)
    return [row.tobytes() for row in np.packbits(bits, axis=1)]


def _blurred(views: Grey) -> Grey:
    return np.asarray(_BLUR @ (views @ _BLUR.T), np.float32)


# Both are linear, so they are matrices, with which all views are blurred and transformed at once.
_UNIT = np.eye(_SIDE, dtype=np.float32)
_BLUR = np.asarray(cv2.GaussianBlur(_UNIT, (1, round(8 * _EVENING) | 1), _EVENING, sigmaY=_EVENING), np.float32)
_WAVES = np.ascontiguousarray(cv2.dct(_UNIT, None, cv2.DCT_ROWS).T[:_HIGHEST], np.float32)
_SUMS = np.add.outer(np.arange(_HIGHEST), np.arange(_HIGHEST))
_KEPT = (_SUMS >= _LOWEST) & (_SUMS < _HIGHEST)
_MATRICES = [_matrix(*move) for move in _MOVES]
