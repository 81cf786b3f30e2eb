"""The layers beside the convolutions: pooling, sums that no convolution takes into itself, and the last matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.models.compiled.filtering import Exact
from pipeline.models.compiled.memory import Memory, Need, Shape
from pipeline.models.compiled.products import in_panels, products
from pipeline.models.compiled.tiles import pooling
from pipeline.types import Floats


@dataclass(eq=False)
class Pooling:
    """The largest or the mean of windows of `size` x `size`, `stride` apart; further channels are zeros."""

    name: str
    source: str
    largest: bool
    size: int
    stride: int
    height: int
    width: int
    given: int
    channels: int

    @property
    def shape(self) -> Shape:
        """What comes out."""
        return self.height, self.width, self.channels

    @property
    def sources(self) -> Sequence[str]:
        """The picture that it reads."""
        return [self.source]

    def needs(self) -> Iterator[Need]:
        """Give nothing: only the pictures themselves are looked at."""
        yield from ()

    def run(self, memory: Memory, faces: int) -> None:
        """Compute the layer for the first so many faces."""
        x, out = memory.place(self.source, faces), memory.place(self.name, faces)
        pool = pooling(self.largest, self.size, self.stride)
        memory.inside(self.name, faces)[..., self.given :] = 0

        for face in range(faces):
            places, steps = (x.moved(face, 0), out.moved(face, 0)), (x.row, x.column, out.row, out.column)
            pool(*places, self.height, self.width, self.given, *steps)


@dataclass(eq=False)
class Joining:
    """A picture and a smaller one, which has zeros below and on the right, added; `slopes` as in `Convolution`."""

    name: str
    source: str
    smaller: str
    shape: Shape
    slopes: Exact | None = None

    @property
    def sources(self) -> Sequence[str]:
        """The pictures that it reads."""
        return [self.source, self.smaller]

    def needs(self) -> Iterator[Need]:
        """Give nothing: only the pictures themselves are looked at."""
        yield from ()

    def run(self, memory: Memory, faces: int) -> None:
        """Compute the layer for the first so many faces."""
        out, smaller = memory.inside(self.name, faces), memory.inside(self.smaller, faces)
        out[...] = memory.inside(self.source, faces)
        out[:, : smaller.shape[1], : smaller.shape[2]] += smaller
        if self.slopes is not None:
            np.multiply(out, self.slopes.astype(np.float32), out=out, where=out < 0)


@dataclass(eq=False)
class Dense:
    """The matrix (numbers of the picture, length) at the end of a network, and its bias (length,)."""

    source: str
    matrix: Exact
    bias: Exact

    def follow(self, factors: Exact, offsets: Exact) -> None:
        """Multiply what comes out and add offsets."""
        self.matrix, self.bias = self.matrix * factors, self.bias * factors + offsets


class PlannedDense:
    """A `Dense` whose matrix is in order."""

    def __init__(self, layer: Dense) -> None:
        self._matrix = in_panels(layer.matrix[np.newaxis])
        self._bias = layer.bias.astype(np.float32)
        self._products = products()

    def run(self, rows: Floats) -> Floats:
        """Return the products of contiguous rows (faces, numbers): (faces, length)."""
        _, panels, length, panel = self._matrix.shape
        if rows.shape[1] != length:
            rows = np.pad(rows, ((0, 0), (0, length - rows.shape[1])))
        out = np.empty((len(rows), panels * panel), np.float32)
        u, filters = self._matrix.ctypes.data, panels * panel
        self._products(
            rows.ctypes.data, u, out.ctypes.data, 1, 0, 0, 0, 1, 0, length, length, len(rows), panels, filters
        )
        return np.asarray(out[:, : len(self._bias)] + self._bias)
