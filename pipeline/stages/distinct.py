"""Which photos are really different: near-identical ones count once."""

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.types import Pixels

Grey = npt.NDArray[np.uint8]
"""Brightness, uint8 (height, width)."""

NEAR_IDENTICAL_BITS = 6
"""Perceptual hashes that differ in at most this many of their 64 bits belong to one photo, saved again."""


class DistinctImages:
    """Groups the photos of a request as they come: a near-identical copy joins the first photo that it resembles."""

    def __init__(self) -> None:
        self._firsts: dict[int, int] = {}
        self._photos = 0

    @property
    def count(self) -> int:
        """How many distinct images there are."""
        return len(self._firsts)

    @property
    def copies(self) -> int:
        """How many photos are near-identical to an earlier one."""
        return self._photos - self.count

    def group_of(self, its_hash: int) -> int:
        """Return the next photo's group: the number of the first photo that it equals or nearly equals, or its own."""
        same = (group for group, first in self._firsts.items() if (its_hash ^ first).bit_count() <= NEAR_IDENTICAL_BITS)
        group = next(same, self._photos)
        self._firsts.setdefault(group, its_hash)
        self._photos += 1
        return group


def perceptual_hash(pixels: Pixels) -> int:
    """Return the 64-bit DCT hash of a photo.

    The photo is reduced to 32 x 32 grey values; each of the 8 x 8 lowest frequencies of their cosine transform
    gives one bit: whether it is above the median (Zauner, "Implementation and benchmarking of perceptual image hash
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
