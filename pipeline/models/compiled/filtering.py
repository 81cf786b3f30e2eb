"""Convolutions of 3 x 3 with a fifth of the multiplications: minimal filtering, as matrix products alone.

S. Winograd, "Arithmetic Complexity of Computations", 1980; A. Lavin and S. Gray, "Fast Algorithms for Convolutional
Neural Networks", CVPR 2016. In one dimension, m outputs of a filter g over the samples d are

    y = after @ ((taps @ g) * (before @ d))

with n products, where the sum itself takes 3 m. In two dimensions the same matrices work on rows, then on columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Exact = npt.NDArray[np.float64]
TAPS = 3

_SIZES = {1: (1.0,), 2: (1.0, 2.0), 3: (1.0, 0.5, 2.0), 4: (1.0, 0.25, 2 / 3, 2.5)}
"""Where the polynomials are evaluated, each also with a minus: the fractions that lose least of float32."""


@dataclass(frozen=True, eq=False)
class Filtering:
    """The matrices of m outputs of a filter of three taps, `stride` samples apart.

    `after` is (m, n), `taps` (n, 3) and `before` (n, w), where w samples are looked at for m outputs; float64.
    """

    stride: int
    after: Exact
    taps: Exact
    before: Exact

    @property
    def outputs(self) -> int:
        """Outputs along one axis (m)."""
        return int(self.after.shape[0])

    @property
    def products(self) -> int:
        """Products along one axis (n)."""
        return int(self.after.shape[1])

    @property
    def samples(self) -> int:
        """Samples along one axis (w)."""
        return int(self.before.shape[1])


@cache
def filtering(outputs: int, stride: int) -> Filtering:
    """Return the matrices for up to seven outputs, one or two samples apart.

    With two samples between outputs, the even samples meet the outer taps, which is a filter of two taps, and the odd
    samples the middle one, which is a plain product.
    """
    if stride == 1:
        return Filtering(1, *_toom_cook(outputs, TAPS))
    after, taps, before = _toom_cook(outputs, TAPS - 1)
    even, every = outputs + 1, 2 * outputs + 1
    all_taps, all_before = np.zeros((every, TAPS)), np.zeros((every, every))
    all_taps[:even, ::2], all_taps[even:, 1] = taps, 1.0
    all_before[:even, ::2], all_before[even:, 1::2] = before, np.eye(outputs)
    return Filtering(2, np.hstack([after, np.eye(outputs)]), all_taps, all_before)


def _toom_cook(outputs: int, taps: int) -> tuple[Exact, Exact, Exact]:
    """Return `after`, `taps` and `before` of the interpolation at n - 1 points and at infinity."""
    products = outputs + taps - 1
    pairs, zero = divmod(products - 1, 2)
    points = [0.0] * zero + [sign * size for size in _SIZES[pairs] for sign in (1, -1)]
    before = np.linalg.inv(_powers(points, products)).T
    # Powers of two, which change no digit, take the size of each row over to the filter, whose precision is double.
    size = np.exp2(np.round(np.log2(np.linalg.norm(before, axis=1, keepdims=True))))
    return _powers(points, outputs).T, _powers(points, taps) * size, before / size


def _powers(points: Sequence[float], count: int) -> Exact:
    """Return the powers of every point up to `count`, and those of infinity, where only the last one counts."""
    finite = np.vander(np.asarray(points), count, increasing=True)
    return np.vstack([finite, np.eye(count)[-1]])


def multipliers(kernel: Exact, rule: Filtering) -> Exact:
    """Return a convolution's kernel (out, in, 3, 3) as `rule.products` ** 2 matrices of (in, out)."""
    moved = np.einsum("pa,kcab,qb->pqck", rule.taps, kernel, rule.taps, optimize=True)
    return np.asarray(moved.reshape(-1, *moved.shape[2:]))
