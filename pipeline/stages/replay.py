"""What is remembered of a photo, so that it is known when it comes again.

A 64-bit perceptual hash cannot do that: two frames of a motionless person a second apart often share it. The finer one
here tells them apart; docs/replay.md has the figures.
"""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.ports import PhotoMark
from pipeline.types import Photo, Pixels

NEAR_BITS = 15
"""Marks that differ in at most so many of their 1024 bits belong to one photo, saved again."""

_SIDE, _FREQUENCIES = 128, 32


def mark_of(photo: Photo) -> PhotoMark:
    """Return a photo's mark."""
    return PhotoMark(photo.digest, fine_hash(photo.pixels))


def fine_hash(pixels: Pixels) -> bytes:
    """Return the 1024-bit DCT hash of a photo, 128 bytes.

    Like `perceptual_hash`, of 128 x 128 grey values and their 32 x 32 lowest frequencies (after Zauner, 2010).
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    lowest = cv2.dct(small)[:_FREQUENCIES, :_FREQUENCIES].ravel()
    return bytes(np.packbits(lowest > np.median(lowest)).tobytes())
