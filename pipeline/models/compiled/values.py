"""Tensors of a graph while it is read: which picture in memory they are made of, and what is still to be done to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.models.compiled.convolution import Convolution
from pipeline.models.compiled.filtering import Exact
from pipeline.models.compiled.memory import Shape
from pipeline.models.compiled.small_layers import Dense, Joining, Pooling

Layer = Convolution | Pooling | Joining


class NotCompilableError(ValueError):
    """The graph has something that is not understood here; another engine has to run it."""


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor. When it is read, its picture is multiplied by `factors`, `offsets` are added, then it is padded.

    `layer` is what makes it, as long as that may still be changed. `tail` are zeros below and on the right, and
    channels of zeros, which only a sum may look at. `channels_last`, `flat` and `mean` say how it became a vector.
    """

    name: str
    shape: Shape
    factors: Exact | None = None
    offsets: Exact | None = None
    padding: int = 0
    tail: tuple[int, int] = (0, 0)
    layer: Layer | Dense | None = None
    channels_last: bool = False
    flat: bool = False
    mean: bool = False

    @property
    def padded(self) -> bool:
        """Whether there are zeros around it or behind it."""
        return self.padding > 0 or self.tail != (0, 0)

    @property
    def plain(self) -> bool:
        """Whether it is the picture in memory as it lies there."""
        return self.factors is None and self.offsets is None and not self.padded

    @property
    def picture(self) -> bool:
        """Whether it still is a picture, whose channels come before its pixels in the graph."""
        return not (self.channels_last or self.flat or self.mean or isinstance(self.layer, Dense))

    def each_channel(self, constant: Exact) -> Exact:
        """Return a constant of one number for each channel; raises `NotCompilableError` for one along other axes."""
        wanted = (self.shape[2], 1, 1) if self.picture or (self.mean and not self.flat) else (self.shape[2],)
        lead = constant.ndim - len(wanted)
        if constant.size != 1 and (lead < 0 or constant.shape != (1,) * lead + wanted):
            raise NotCompilableError("it has constants along other axes than the channels")
        return constant.reshape(-1)

    def followed(self, factors: Exact | float, offsets: Exact | float) -> Value:
        """Return what it is after one more multiplication and addition."""
        new_factors = np.broadcast_to(factors, self.shape[2:]) * (1.0 if self.factors is None else self.factors)
        new_offsets = np.broadcast_to(offsets, self.shape[2:]) + (
            0.0 if self.offsets is None else self.offsets * factors
        )
        return replace(self, factors=new_factors, offsets=new_offsets if new_offsets.any() else None, layer=None)

    def into(self, kernel: Exact, bias: Exact, stride: int, size: tuple[int, int]) -> tuple[Exact, Exact]:
        """Return a convolution's kernel and bias that do to the picture what was still to be done before."""
        if self.offsets is not None:
            bias = bias + self._shift(np.einsum("kcab,c->abk", kernel, self.offsets), stride, size)
        return (kernel if self.factors is None else kernel * self.factors.reshape(1, -1, 1, 1)), bias

    def in_order(self, matrix: Exact, bias: Exact) -> tuple[Exact, Exact]:
        """Return the matrix and bias at the end for pixels as they lie in memory; raises `NotCompilableError`."""
        height, width, channels = self.shape
        pixels = height * width
        if len(matrix) != channels * (1 if self.mean else pixels) or self.padded:
            raise NotCompilableError("its matrix does not fit the picture")
        if self.mean:
            matrix = np.tile(matrix / pixels, (pixels, 1))
        elif not self.channels_last:
            matrix = matrix.reshape(channels, pixels, -1).transpose(1, 0, 2).reshape(len(matrix), -1)
        if self.offsets is not None:
            bias = bias + np.tile(self.offsets, pixels) @ matrix
        if self.factors is not None:
            matrix = matrix * np.tile(self.factors, pixels)[:, np.newaxis]
        return matrix, bias

    def _shift(self, each: Exact, stride: int, size: tuple[int, int]) -> Exact:
        """Return what offsets add behind a convolution, of what each tap adds: less at the borders, on the zeros."""
        if not self.padding:
            return np.asarray(each.sum(axis=(0, 1)))
        sides = zip(each.shape[:2], self.shape[:2], size, strict=True)
        down, across = (_inside(taps, side, count, stride, self.padding) for taps, side, count in sides)
        return np.asarray(np.einsum("ai,bj,abk->ijk", down, across, each, optimize=True))


def _inside(taps: int, side: int, count: int, stride: int, padding: int) -> Exact:
    """Return which taps of `count` windows lie on the picture and not on the zeros around it: (taps, count)."""
    places = stride * np.arange(count) + np.arange(taps)[:, np.newaxis] - padding
    return ((places >= 0) & (places < side)).astype(np.float64)


def attributes(node: Any) -> dict[str, Any]:
    """Return the attributes of a node of ONNX."""
    from onnx import helper

    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def only(given: Mapping[str, Any], name: str, usual: int) -> int:
    """Return the one number that an attribute says of all sides; raises `NotCompilableError` where they differ."""
    numbers = set(given.get(name, (usual,)))
    if len(numbers) != 1 or min(numbers) < 0:
        raise NotCompilableError(f"it has negative {name}, or different ones along its axes")
    return int(numbers.pop())


def slid(side: int, size: int, stride: int) -> int:
    """Return how often a window finds a place along a side; raises `NotCompilableError` where it finds none."""
    if stride < 1 or not 1 <= size <= side:
        raise NotCompilableError("it has windows that do not fit the picture")
    return (side - size) // stride + 1


def padding_of(given: Mapping[str, Any]) -> int:
    """Return the zeros on every side of what a window slides over; raises `NotCompilableError` where they differ."""
    named = given.get("auto_pad", b"NOTSET")
    if named not in (b"NOTSET", b"VALID"):
        raise NotCompilableError("it pads as far as the size makes necessary")
    return only(given, "pads", 0) if named == b"NOTSET" else 0
