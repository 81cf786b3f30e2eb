"""Which photos are really different ones: near-identical photos count once."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.types import Pixels

NEAR_IDENTICAL_BITS = 6
"""Perceptual hashes that differ in at most so many of their 64 bits belong to the same photo, saved again."""


def perceptual_hash(pixels: Pixels) -> int:
    """Return the 64-bit DCT hash of a photo.

    The photo is reduced to 32 x 32 grey values; each of the 8 x 8 lowest frequencies of their cosine transform
    gives one bit: whether it lies above the median (Zauner, "Implementation and benchmarking of perceptual image hash
    functions", 2010). Scaling, recompression and slight changes of light keep it.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    lowest = cv2.dct(small)[:8, :8].ravel()
    bits = lowest > np.median(lowest)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


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
