"""The canonical face: every pixel measure looks at the same 112 x 112 view, whatever camera took the photo."""

import math
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.stages.align import ARCFACE_TEMPLATE, similarity, warp
from pipeline.types import Crop, Floats, Pixels

SIDE = 112
"""Side of the canonical view in pixels; recognition models see the face at about this size."""

_CENTRE, _AXES = (56, 66), (38, 50)


@dataclass(frozen=True, eq=False)
class CanonicalFace:
    """A face in its canonical view: the five landmarks are on ArcFace's template.

    `pixels` is uint8 RGB (112, 112, 3), `luma` float32 (112, 112) from 0 to 255, `inside` marks the face's ellipse.
    `scale` is how many canonical pixels one pixel of the photo becomes: above 1 the photo was enlarged.
    """

    pixels: Pixels
    luma: Floats
    inside: npt.NDArray[np.bool_]
    scale: float


def canonical_face(crop: Crop) -> CanonicalFace:
    """Warp a source crop to the canonical view. Raises ValueError where the landmarks coincide."""
    matrix = similarity(crop.landmarks, ARCFACE_TEMPLATE)
    view = warp(_filled(crop, matrix), ARCFACE_TEMPLATE, (SIDE, SIDE))
    return CanonicalFace(view, luma_of(view), face_ellipse(), math.hypot(matrix[0, 0], matrix[1, 0]))


def _filled(crop: Crop, matrix: npt.NDArray[np.float64]) -> Crop:
    """Continue the crop's edges as far as the view reaches over them: a photo's edge covers nothing of the face."""
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1]])
    seen = corners @ cv2.invertAffineTransform(matrix).T
    height, width = crop.pixels.shape[:2]
    left, top = (max(0, math.ceil(-low)) for low in seen.min(axis=0))
    right, bottom = (
        max(0, math.ceil(high - size)) for high, size in zip(seen.max(axis=0), (width, height), strict=True)
    )
    if not left + top + right + bottom:
        return crop
    pixels = cv2.copyMakeBorder(crop.pixels, top, bottom, left, right, cv2.BORDER_REPLICATE)
    moved = (crop.landmarks + np.array([left, top])).astype(np.float32)
    return replace(crop, pixels=np.asarray(pixels, np.uint8), landmarks=moved)


@cache
def face_ellipse() -> npt.NDArray[np.bool_]:
    """Return the (112, 112) mask of the ellipse that a face fills in the canonical view."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    mask = np.asarray(((x - _CENTRE[0]) / _AXES[0]) ** 2 + ((y - _CENTRE[1]) / _AXES[1]) ** 2 <= 1)
    mask.flags.writeable = False
    return mask


def luma_of(pixels: Pixels) -> Floats:
    """Return the luma (ITU-R BT.601) of RGB pixels as float32, 0 to 255."""
    return np.asarray(cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_RGB2GRAY), dtype=np.float32)
