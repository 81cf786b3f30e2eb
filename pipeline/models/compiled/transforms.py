"""Products with matrices that are known when the code is written, with the work that their symmetry spares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.models.compiled.code import Function, Values
from pipeline.models.compiled.filtering import Exact


def transformed(code: Function, matrix: Exact, vectors: Values) -> list[str]:
    """Return the product of a matrix that is known now and vectors, with the work that its symmetry spares.

    The rows of a point and of its negative differ in every other sign: they are the sum and the difference of a part
    that is even in the columns and one that is odd. Of `after`, the same holds for columns.
    """
    shared = _mirrored(matrix.T)
    if shared:
        return _of_sums(code, matrix, vectors, shared)
    results: dict[int, str] = {}
    for first in _mirrored(matrix):
        even, odd = (matrix[first] + matrix[first + 1]) / 2, (matrix[first] - matrix[first + 1]) / 2
        parts = code.combine(even, vectors), code.combine(odd, vectors)
        results[first], results[first + 1] = code.add(*parts), code.subtract(*parts)
    return [results.get(row) or code.combine(factors, vectors) for row, factors in enumerate(matrix)]


def _of_sums(code: Function, matrix: Exact, vectors: Values, pairs: Sequence[int]) -> list[str]:
    sums, differences = list(vectors), list(vectors)
    halved = matrix.copy()
    for first in pairs:
        both = vectors[first], vectors[first + 1]
        sums[first], differences[first] = code.add(*both), code.subtract(*both)
        halved[:, first + 1] = 0
    return [code.combine(factors, differences if row % 2 else sums) for row, factors in enumerate(halved)]


def _mirrored(matrix: Exact) -> list[int]:
    """Return the first of every two rows that are one another's, with the signs of odd columns turned."""
    signs = (-1.0) ** np.arange(matrix.shape[1])
    found: list[int] = []
    for row in range(len(matrix) - 1):
        if (
            not (found and found[-1] == row - 1)
            and matrix[row].any()
            and np.allclose(matrix[row] * signs, matrix[row + 1])
        ):
            found.append(row)
    return found
