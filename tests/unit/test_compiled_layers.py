"""Every layer in compiled code against the same sums, written out in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipeline.models.compiled.convolution import Convolution
from pipeline.models.compiled.memory import AT_ONCE, Memory, frames
from pipeline.models.compiled.planning import PlannedConvolution
from pipeline.models.compiled.products import PANEL, in_panels, products
from pipeline.models.compiled.small_layers import Dense, Joining, PlannedDense, Pooling
from pipeline.models.compiled.ways import AsWritten, Filtered

Array = np.ndarray[Any, Any]

SHAPES = [
    (14, 14, 16, 32, 3, 1, 1),
    (13, 9, 24, 16, 3, 1, 1),
    (7, 7, 32, 48, 3, 1, 1),
    (3, 3, 16, 16, 3, 1, 1),
    (30, 30, 8, 16, 3, 1, 0),
    (14, 14, 16, 32, 3, 2, 1),
    (35, 35, 16, 16, 3, 2, 0),
    (15, 21, 8, 16, 3, 2, 0),
    (28, 28, 3, 16, 3, 1, 1),
    (31, 31, 3, 16, 7, 2, 0),
    (12, 12, 16, 32, 1, 2, 0),
    (5, 5, 8, 16, 5, 1, 2),
]
"""Height, width, channels, filters, size of the window, stride, padding."""


def written_out(x: Array, kernel: Array, stride: int, padding: int) -> Array:
    """Convolve pictures (n, height, width, channels) with a kernel (filters, channels, high, wide)."""
    whole = np.pad(x.astype(np.float64), ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    high, wide = kernel.shape[2:]
    down, across = ((side - taps) // stride + 1 for side, taps in zip(whole.shape[1:3], (high, wide), strict=True))
    total = np.zeros((len(x), down, across, len(kernel)))
    for row in range(high):
        for column in range(wide):
            rows = slice(row, row + stride * (down - 1) + 1, stride)
            columns = slice(column, column + stride * (across - 1) + 1, stride)
            total += whole[:, rows, columns] @ kernel[:, :, row, column].T
    return total


def memory_of(planned: Any, shapes: dict[str, tuple[int, int, int]], pictures: dict[str, Array]) -> Memory:
    """Lay pictures out for a layer; every one has a memory of its own."""
    places = frames(shapes, planned.needs())
    memory = Memory(places, {name: number for number, name in enumerate(shapes)})
    for name, values in pictures.items():
        memory.inside(name, len(values))[...] = values
    return memory


@pytest.mark.parametrize("faces", [1, 3, AT_ONCE])
@pytest.mark.parametrize(("height", "width", "channels", "filters", "size", "stride", "padding"), SHAPES)
def test_a_convolution_is_the_one_that_is_written(
    height: int, width: int, channels: int, filters: int, size: int, stride: int, padding: int, faces: int
) -> None:
    random = np.random.default_rng(faces)
    x = random.normal(size=(faces, height, width, channels)).astype(np.float32)
    kernel = random.normal(size=(filters, channels, size, size)) / (size * np.sqrt(channels))
    sums = written_out(x, kernel, stride, padding)
    shape = (sums.shape[1], sums.shape[2], filters)
    bias, slopes = random.normal(size=shape), random.normal(size=filters)
    more = random.normal(size=(faces, *shape)).astype(np.float32)
    layer = Convolution("out", "x", kernel, bias, stride, padding, *shape[:2], "more", slopes)
    planned = PlannedConvolution(layer)
    memory = memory_of(planned, {"x": x.shape[1:], "more": shape, "out": shape}, {"x": x, "more": more})
    memory.inside("out", faces)[...] = np.nan
    planned.run(memory, faces)
    expected = sums + bias + more
    expected = np.where(expected > 0, expected, expected * slopes)
    assert np.abs(memory.inside("out", faces) - expected).max() <= 2e-4


@pytest.mark.parametrize("outputs", [1, 3, 4, 6, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_every_way_gives_the_same_and_leaves_the_zeros_around_it(outputs: int, stride: int) -> None:
    random = np.random.default_rng(outputs)
    x, kernel = random.normal(size=(2, 17, 17, 16)).astype(np.float32), random.normal(size=(32, 16, 3, 3))
    expected = written_out(x, kernel, stride, 1)
    shape = expected.shape[1:]
    layer = Convolution("out", "x", kernel, np.zeros(32), stride, 1, *shape[:2])
    way = (Filtered if outputs > 1 else AsWritten)(layer, kernel, outputs)
    memory = memory_of(way, {"x": x.shape[1:], "out": shape}, {"x": x})
    way.run(memory, 2)
    assert np.abs(memory.inside("out", 2) - expected).max() <= 2e-3
    around = memory.whole("out", 2).copy()
    memory.frame("out").inside(around)[...] = 0
    assert not around.any()


def test_one_face_and_many_are_computed_in_different_ways_with_the_same_result() -> None:
    random = np.random.default_rng(0)
    x, kernel = random.normal(size=(AT_ONCE, 4, 4, 256)).astype(np.float32), random.normal(size=(256, 256, 3, 3))
    planned = PlannedConvolution(Convolution("out", "x", kernel, np.zeros(256), 1, 1, 4, 4))
    shapes = {"x": (4, 4, 256), "out": (4, 4, 256)}
    many = memory_of(planned, shapes, {"x": x})
    planned.run(many, AT_ONCE)
    one = memory_of(planned, shapes, {"x": x[:1]})
    planned.run(one, 1)
    difference = np.abs(many.inside("out", 1) - one.inside("out", 1)).max()
    assert 0 < difference <= 1e-2  # sums of 2,304 products: not one way twice, and near one another


@pytest.mark.parametrize("rows", [*range(1, 26), 31, 64])
def test_a_product_of_any_number_of_rows_is_whole(rows: int) -> None:
    random = np.random.default_rng(rows)
    left, right = random.normal(size=(2, rows, 10)).astype(np.float32), random.normal(size=(2, 10, 32))
    panels, out = in_panels(right), np.full((2, rows + 1, 32), 7, np.float32)
    at = (left.ctypes.data, panels.ctypes.data, out.ctypes.data)
    products()(*at, 2, rows * 10, 320, (rows + 1) * 32, 1, 0, 10, 10, rows, 2, 32)
    assert np.abs(out[:, :rows] - left @ right).max() <= 1e-4
    assert (out[:, rows] == 7).all()


def test_panels_are_filled_with_zeros_to_even_lengths_and_whole_panels() -> None:
    panels = in_panels(np.ones((1, 3, PANEL + 1)))
    assert panels.shape == (1, 2, 4, PANEL)
    assert panels.sum() == 3 * (PANEL + 1)


@pytest.mark.parametrize("largest", [True, False])
def test_a_pooling_takes_windows_and_adds_channels_of_zeros(largest: bool) -> None:
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 16)).astype(np.float32)
    layer = Pooling("out", "x", largest, 3, 2, 4, 4, 16, 32)
    memory = memory_of(layer, {"x": (9, 9, 16), "out": layer.shape}, {"x": x})
    memory.inside("out", 2)[...] = np.nan
    layer.run(memory, 2)
    windows = np.stack([x[:, row : row + 7 : 2, column : column + 7 : 2] for row in range(3) for column in range(3)])
    expected = windows.max(axis=0) if largest else windows.mean(axis=0)
    assert np.abs(memory.inside("out", 2)[..., :16] - expected).max() <= 1e-6
    assert not memory.inside("out", 2)[..., 16:].any()


def test_a_smaller_picture_is_added_as_if_zeros_followed_it() -> None:
    random = np.random.default_rng(0)
    large, small = (random.normal(size=(2, side, side, 8)).astype(np.float32) for side in (4, 3))
    slopes = np.full(8, 0.25)
    layer = Joining("out", "large", "small", (4, 4, 8), slopes)
    shapes = {"large": (4, 4, 8), "small": (3, 3, 8), "out": (4, 4, 8)}
    memory = memory_of(layer, shapes, {"large": large, "small": small})
    layer.run(memory, 2)
    total = large + np.pad(small, ((0, 0), (0, 1), (0, 1), (0, 0)))
    assert np.abs(memory.inside("out", 2) - np.where(total < 0, total * 0.25, total)).max() <= 1e-6


@pytest.mark.parametrize(("numbers", "length"), [(64, 16), (75, 40), (9, 1)])
def test_the_last_matrix_gives_rows_of_its_length(numbers: int, length: int) -> None:
    random = np.random.default_rng(0)
    rows, matrix, bias = (random.normal(size=size) for size in ((5, numbers), (numbers, length), length))
    ours = PlannedDense(Dense("x", matrix, bias)).run(rows.astype(np.float32))
    assert ours.shape == (5, length)
    assert np.abs(ours - (rows @ matrix + bias)).max() <= 1e-4
