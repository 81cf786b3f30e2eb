"""Minimal filtering in one dimension: fewer products than the sum as it is written, and the same outputs."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.models.compiled.code import Function, compiled
from pipeline.models.compiled.filtering import TAPS, filtering
from pipeline.models.compiled.transforms import transformed

RULES = [(outputs, stride) for outputs in range(2, 8) for stride in (1, 2)]


@pytest.mark.parametrize(("outputs", "stride"), RULES)
def test_the_outputs_are_those_of_the_sum_as_it_is_written(outputs: int, stride: int) -> None:
    rule = filtering(outputs, stride)
    random = np.random.default_rng(outputs)
    samples, taps = random.normal(size=rule.samples), random.normal(size=TAPS)
    ours = rule.after @ ((rule.taps @ taps) * (rule.before @ samples))
    written = [samples[stride * at : stride * at + TAPS] @ taps for at in range(outputs)]
    assert np.abs(ours - written).max() <= 1e-12
    assert (rule.outputs, rule.samples) == (outputs, stride * (outputs - 1) + TAPS)


@pytest.mark.parametrize(("outputs", "stride", "products"), [(7, 1, 9), (4, 1, 6), (4, 2, 9), (7, 2, 15)])
def test_the_products_are_as_few_as_can_be(outputs: int, stride: int, products: int) -> None:
    assert filtering(outputs, stride).products == products < TAPS * outputs


@pytest.mark.parametrize(("outputs", "stride"), RULES)
@pytest.mark.parametrize("which", ["before", "after"])
def test_what_symmetry_spares_changes_no_result(outputs: int, stride: int, which: str) -> None:
    matrix = getattr(filtering(outputs, stride), which)
    rows, columns = matrix.shape
    code = Function("product", ("given", "result"), ())
    vectors = [code.load(code.at("%given", (column, 8))) for column in range(columns)]
    for row, value in enumerate(transformed(code, matrix, vectors)):
        code.store(value, code.at("%result", (row, 8)))
    given = np.random.default_rng(0).normal(size=(columns, 8)).astype(np.float32)
    result = np.zeros((rows, 8), np.float32)
    compiled(code)[0](given.ctypes.data, result.ctypes.data)
    assert np.abs(result - matrix @ given).max() <= 1e-5 * max(1.0, np.abs(matrix).max())
