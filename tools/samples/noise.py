"""Smooth noise in space: the grain of skin, hair and cloth."""

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

Floats = npt.NDArray[np.float32]

_CELLS = 32


def f32(values: npt.ArrayLike) -> Floats:
    """Return numbers as a float32 array."""
    return np.asarray(values, dtype=np.float32)


def noise(points: Floats, frequency: float, kind: int) -> Floats:
    """Return values around 0 for points (n, 3); each `kind` is another noise."""
    cells = (points * np.float32(frequency)) % _CELLS
    found: Floats = map_coordinates(_lattice(kind), list(cells.T), order=1, mode="grid-wrap").astype(np.float32)
    return found


def three_noises(points: Floats, frequency: float) -> Floats:
    """Return a vector of noise for each point, (n, 3)."""
    return np.stack([noise(points, frequency, kind) for kind in range(3)], axis=-1)


@cache
def _lattice(kind: int) -> Floats:
    drawn = np.random.default_rng(kind).normal(0, 1, (_CELLS,) * 3)
    smooth: Floats = gaussian_filter(drawn, 0.6, mode="wrap").astype(np.float32)
    return smooth
