"""What the face's pixels say: sharpness, exposure, dynamic range, even light, traces of compression.

Names follow ISO/IEC 29794-5; where the standard's measure needs a face parser, the measure here is a simpler one on
the canonical view, and its docstring says which.
"""

import cv2
import numpy as np

from pipeline.stages.quality.canonical import SIDE, CanonicalFace, luma_of
from pipeline.types import Box, Floats, Pixels

_FINE, _COARSE, _BASE = 1.0, 2.5, 6.0
"""Gaussian sigmas in canonical pixels: detail is between the first two, the face's large shapes are above the last."""


def sharpness(face: CanonicalFace) -> float:
    """Return the detail's share: decibels of the band of fine detail against the band of coarse shapes.

    Contrast and brightness cancel out. Blur, small faces and smoothing lower it; -20 and above is usual.
    """
    luma = face.luma
    coarse, base = cv2.GaussianBlur(luma, (0, 0), _COARSE), cv2.GaussianBlur(luma, (0, 0), _BASE)
    detail = cv2.GaussianBlur(luma, (0, 0), _FINE) - coarse
    shapes = coarse - base
    energy = float(np.mean(detail[face.inside] ** 2)) + 0.05
    return float(10 * np.log10(energy / (float(np.mean(shapes[face.inside] ** 2)) + 0.05)))


def highlights(face: CanonicalFace) -> float:
    """Return the luma, 0 to 255, that the face's brightest 2 % reach (UnderExposurePrevention).

    The eyes' white and the skin's reflections are bright in any sufficiently lit photo of any complexion; the mean,
    which the standard uses, would call dark skin under-exposed.
    """
    return float(np.percentile(face.luma[face.inside], 98))


def washed_out(face: CanonicalFace) -> float:
    """Return the share, 0 to 1, of the face where a colour channel is at its end (OverExposurePrevention)."""
    red, green, blue = cv2.split(face.pixels)
    return float(np.mean(cv2.max(cv2.max(red, green), blue)[face.inside] >= 250))


def dynamic_range(face: CanonicalFace) -> float:
    """Return the entropy in bits, 0 to 8, of the face's luma (DynamicRange)."""
    counts = np.bincount(face.luma[face.inside].astype(np.uint8))
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def illumination_uniformity(face: CanonicalFace) -> float:
    """Return how much the luma histograms of the face's left and right half overlap, 0 to 1."""
    middle, steps = SIDE // 2, face.luma.astype(np.uint8) // 8
    left, right = (
        np.bincount(steps[:, half][face.inside[:, half]], minlength=32) for half in (slice(middle), slice(middle, None))
    )
    return float(np.minimum(left / left.sum(), right / right.sum()).sum())


def blockiness(photo: Pixels, box: Box, scale: float) -> float:
    """Return how much the steps between 8 x 8 blocks exceed the steps inside them (CompressionArtifacts).

    1 is none, JPEG of quality 5 gives about 3. Measured on the photo's own pixels inside the face's box, in the grid
    position where it shows most; `scale` is the canonical view's: blocks too small to be seen there do not count.
    """
    height, width = photo.shape[:2]
    left, top = max(0, int(box.left)), max(0, int(box.top))
    right, bottom = min(width, int(box.left + box.width)), min(height, int(box.top + box.height))
    if right - left < 24 or bottom - top < 24:
        return 1.0
    luma = luma_of(photo[top:bottom, left:right])
    excess = np.mean([_grid_excess(luma, 0), _grid_excess(luma, 1)])
    return float(1 + excess * min(1.0, 4 * scale))


def _grid_excess(luma: Floats, along: int) -> float:
    """Return by what factor, less 1, the steps at one of 8 column positions exceed the steps elsewhere.

    Of row positions where `along` is 1: the steps are averaged along this axis.
    """
    near, far = (luma[:, 1:], luma[:, :-1]) if along == 0 else (luma[1:], luma[:-1])
    steps = np.ravel(cv2.reduce(cv2.absdiff(near, far), along, cv2.REDUCE_AVG))
    position = np.arange(len(steps)) % 8
    sums, counts = np.bincount(position, steps), np.bincount(position)
    at = sums / counts
    strongest = int(at.argmax())
    elsewhere = (sums.sum() - sums[strongest]) / (counts.sum() - counts[strongest])
    return max(0.0, float(at[strongest] / (elsewhere + 0.25)) - 1)
