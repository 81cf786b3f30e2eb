"""Which photos are really different ones: near-identical photos count once."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.types import Pixels

Grey = npt.NDArray[np.uint8]
"""Brightness, uint8 (height, width)."""

NEAR_IDENTICAL_BITS = 6
"""Perceptual hashes that differ in at most so many of their 64 bits belong to the same photo, saved again."""


def perceptual_hash(pixels: Pixels) -> int:
    """Return the 64-bit DCT hash of a photo.

    The photo is reduced to 32 x 32 grey values; each of the 8 x 8 lowest frequencies of their cosine transform
    gives one bit: whether it lies above the median (Zauner, "Implementation and benchmarking of perceptual image hash
    functions", 2010). Scaling, recompression and slight changes of light keep it.
    """
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    small = _reduced(grey, 32).astype(np.float32)
    lowest = cv2.dct(small)[:8, :8].ravel()
    bits = lowest > np.median(lowest)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _reduced(grey: Grey, side: int) -> Grey:
    """Return the photo with this width and height; a large one by a whole factor first, which is far faster."""
    factor = max(1, min(grey.shape) // (4 * side))
    height, width = (length // factor for length in grey.shape)
    even = grey[: height * factor, : width * factor]  # the rest, less than a factor's pixels, makes no difference
    fewer = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(fewer, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def first_of_its_kind(hashes: Sequence[int]) -> list[int]:
    """Return for every photo the index of the first one that it equals or nearly equals (its own, if none)."""
    firsts: list[int] = []
    for index, its_hash in enumerate(hashes):
        same = (
            earlier
            for earlier in sorted(set(firsts))
            if (its_hash ^ hashes[earlier]).bit_count() <= NEAR_IDENTICAL_BITS
        )
        firsts.append(next(same, index))
    return firsts
