"""Products with matrices that are known when the code is written, with the work that their symmetry spares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.models.compiled.code import Function, Values
from pipeline.models.compiled.filtering import Exact


def transformed(code: Function, matrix: Exact, vectors: Values) -> list[str]:
    """Return the product of a matrix that is known now and vectors.

    The rows of a point and of its negative differ in signs alone: they are the sum and the difference of what has the
    same sign in both and what has not. Of `Filtering.after`, the same holds for columns.
    """
    columns = _twins(matrix.T)
    if columns:
        return _of_sums(code, matrix, vectors, columns)
    results: dict[int, str] = {}
    for first in _twins(matrix):
        same, other = (matrix[first] + matrix[first + 1]) / 2, (matrix[first] - matrix[first + 1]) / 2
        parts = code.combine(same, vectors), code.combine(other, vectors)
        results[first], results[first + 1] = code.add(*parts), code.subtract(*parts)
    return [results.get(row) or code.combine(factors, vectors) for row, factors in enumerate(matrix)]


def _of_sums(code: Function, matrix: Exact, vectors: Values, pairs: Sequence[int]) -> list[str]:
    both = [(vectors[first], vectors[first + 1]) for first in pairs]
    joined = {first: (code.add(*two), code.subtract(*two)) for first, two in zip(pairs, both, strict=True)}
    results = []
    for factors in matrix:
        left, terms = factors.copy(), list(vectors)
        for first, (total, difference) in joined.items():
            terms[first] = total if np.isclose(factors[first], factors[first + 1]) else difference
            left[first + 1] = 0
        results.append(code.combine(left, terms))
    return results


def _twins(matrix: Exact) -> list[int]:
    """Return the first of every two rows that follow one another and differ in some signs, but not in all or none."""
    found: list[int] = []
    for row in range(len(matrix) - 1):
        one, other = matrix[row], matrix[row + 1]
        taken = bool(found) and found[-1] == row - 1
        alike = np.allclose(np.abs(one), np.abs(other)) and not np.allclose(one, other) and not np.allclose(one, -other)
        if alike and not taken:
            found.append(row)
    return found
