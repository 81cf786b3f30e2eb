"""Two ways to compute a convolution in compiled code: by minimal filtering, and window by window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipeline.models.compiled import tiles
from pipeline.models.compiled.convolution import Convolution
from pipeline.models.compiled.filtering import Exact, filtering, multipliers
from pipeline.models.compiled.memory import NUMBER, Memory, Need, Place, Scratch
from pipeline.models.compiled.products import in_panels, products
from pipeline.types import Floats

_TILES = 64
"""Tiles that are computed at once: enough rows for a matrix product, and what comes of them stays in the cache."""
_PIXELS, _NUMBERS = 96, 1 << 17
"""The same for a convolution that is computed as it is written: pixels at least, and numbers that stay in the cache."""
_LONG = 12
"""Pixels from which on a row of the output makes a matrix product of its own."""
_APART = 16
"""Numbers between the matrices of two points: without them, all points of a tile would meet in the same cache lines."""


class Part(NamedTuple):
    """What is computed at once of a layer: faces and rows of tiles, each from one to before another."""

    faces: tuple[int, int]
    bands: tuple[int, int]


class Way:
    """A convolution, computed in tiles of so many outputs."""

    def __init__(self, layer: Convolution, kernel: Exact, outputs: int) -> None:
        self._layer, self.outputs = layer, outputs
        self._filters = len(kernel)
        self.down, self.across = -(-layer.height // outputs), -(-layer.width // outputs)
        self._bias = _padded(layer.bias, self.down * outputs, self.across * outputs)
        self._slopes = np.ones(self._filters, np.float32) if layer.slopes is None else layer.slopes.astype(np.float32)
        self._zeros = np.zeros(self._filters, np.float32)
        self._slopes_at, self._nothing = self._slopes.ctypes.data, Place(self._zeros.ctypes.data, 0, 0, 0)
        steps = [step // NUMBER for step in self._bias.strides[:-1]] or [0, 0]
        self._bias_at = Place(self._bias.ctypes.data, 0, *steps)
        self._gather, self._products = tiles.gathering(outputs, layer.stride), products()
        matrices, self._window = self._prepared(kernel)
        self._multipliers = in_panels(matrices)
        self._panels, self._length = (int(side) for side in self._multipliers.shape[1:3])
        self._multipliers_at, self._u_point = self._multipliers.ctypes.data, self._multipliers[0].size

    def needs(self) -> Iterator[Need]:
        """Give the room that whole tiles take, which may reach over a picture's end."""
        layer, wanted = self._layer, (self.down * self.outputs, self.across * self.outputs)
        counts, step = (self.down, self.across), self.outputs * layer.stride
        looks = ((n - 1) * step + side - layer.padding for n, side in zip(counts, self._window, strict=True))
        yield Need(layer.source, layer.padding, *looks)
        yield Need(layer.name, 0, *wanted)
        if layer.more:
            yield Need(layer.more, 0, *wanted)

    def run(self, memory: Memory, faces: int) -> None:
        """Compute the layer for the first so many faces."""
        layer = self._layer
        x, out = memory.place(layer.source, faces, layer.padding), memory.place(layer.name, faces)
        more = memory.place(layer.more, faces) if layer.more else self._nothing
        channels = memory.frame(layer.source).channels
        for part in self._parts(faces):
            self._compute(part, x, channels, out, more, memory.scratch)
        if (self.down * self.outputs, self.across * self.outputs) != (layer.height, layer.width):
            memory.frame(layer.name).clear(memory.whole(layer.name, faces))

    def _prepared(self, kernel: Exact) -> tuple[Exact, tuple[int, int]]:
        """Return the multipliers as matrices, and the window of the picture that one tile looks at."""
        raise NotImplementedError

    def _compute(self, part: Part, x: Place, channels: int, out: Place, more: Place, scratch: Scratch) -> None:
        (face, face_end), (band, band_end) = part
        counts, row = (face_end - face, band_end - band, self.across), band * self.outputs
        m, m_point = self._sums(counts, x._replace(address=x.moved(face, row * self._layer.stride)), channels, scratch)
        self._gather(
            m, out.moved(face, row), self._bias_at.moved(0, row), more.moved(face, row), self._slopes_at,
            *counts, self._filters, m_point, *out[1:], *self._bias_at[2:], *more[1:],
        )  # fmt: skip

    def _sums(self, counts: tuple[int, int, int], x: Place, channels: int, scratch: Scratch) -> tuple[int, int]:
        """Return the address of the products of faces, rows of tiles and tiles, and the next point's distance."""
        raise NotImplementedError

    def _at_once(self) -> int:
        """Return how many tiles are computed at once."""
        raise NotImplementedError

    def _parts(self, faces: int) -> Iterator[Part]:
        """Cut the layer by faces, or where one is enough by bands of tiles, so that what is between fits the cache."""
        together = min(faces, max(1, self._at_once() // (self.down * self.across)))
        bands = max(1, min(self.down, self._at_once() // self.across))
        for face in range(0, faces, together):
            for band in range(0, self.down, bands):
                yield Part((face, min(faces, face + together)), (band, min(self.down, band + bands)))


class Filtered(Way):
    """By minimal filtering."""

    def _prepared(self, kernel: Exact) -> tuple[Exact, tuple[int, int]]:
        rule = filtering(self.outputs, self._layer.stride)
        self._points, self._spread = rule.products**2, tiles.spreading(self.outputs, self._layer.stride)
        return multipliers(kernel, rule), (rule.samples, rule.samples)

    def _sums(self, counts: tuple[int, int, int], x: Place, channels: int, scratch: Scratch) -> tuple[int, int]:
        rows = counts[0] * counts[1] * counts[2]
        v_point, m_point = rows * channels + _APART, rows * self._filters + _APART
        v = scratch.address(self._points * (v_point + m_point))
        m = v + NUMBER * self._points * v_point
        self._spread(x.address, v, *counts, x.face, x.row, channels, v_point)
        self._products(
            v, self._multipliers_at, m, self._points, v_point, self._u_point, m_point,
            1, 0, channels, channels, rows, self._panels, self._filters,
        )  # fmt: skip
        return m, m_point

    def _at_once(self) -> int:
        return _TILES


class AsWritten(Way):
    """Window by window; a tile is one pixel."""

    _lines: int
    _run: int

    def _prepared(self, kernel: Exact) -> tuple[Exact, tuple[int, int]]:
        filters, channels, high, wide = kernel.shape
        line = wide * channels
        self._lines, self._run = high, line + line % 2
        self._copy = tiles.copying(high, wide, self._layer.stride)
        lines = np.zeros((high, self._run, filters))
        lines[:, :line] = kernel.transpose(2, 3, 1, 0).reshape(high, -1, filters)
        return lines.reshape(1, -1, filters), (high, wide)

    def _sums(self, counts: tuple[int, int, int], x: Place, channels: int, scratch: Scratch) -> tuple[int, int]:
        faces, down, across = counts
        if across < _LONG:
            return self._of_copies(counts, x, channels, scratch), 0
        m, stride = scratch.address(faces * down * across * self._filters), self._layer.stride
        for face in range(faces):
            target = m + NUMBER * face * down * across * self._filters
            self._products(
                x.moved(face, 0), self._multipliers_at, target, down, stride * x.row, 0, across * self._filters,
                self._lines, x.row, self._run, stride * channels, across, self._panels, self._filters,
            )  # fmt: skip
        return m, 0

    def _of_copies(self, counts: tuple[int, int, int], x: Place, channels: int, scratch: Scratch) -> int:
        """Put the windows of short rows one behind the other first: products want many rows."""
        rows = counts[0] * counts[1] * counts[2]
        v = scratch.address(rows * (self._length + self._filters) + _APART)
        m = v + NUMBER * (rows * self._length + _APART)
        self._copy(x.address, v, *counts, x.face, x.row, channels, self._run)
        self._products(
            v, self._multipliers_at, m, 1, 0, 0, 0,
            1, 0, self._length, self._length, rows, self._panels, self._filters,
        )  # fmt: skip
        return m

    def _at_once(self) -> int:
        copied = 0 if self.across >= _LONG else self._lines * self._run
        return max(_PIXELS, _NUMBERS // (copied + self._filters))


def _padded(bias: Exact, rows: int, columns: int) -> Floats:
    """Return a bias in float32; one for each pixel with zeros where tiles reach over the picture."""
    if bias.ndim == 1:
        return bias.astype(np.float32)
    whole = np.zeros((rows, columns, bias.shape[-1]), np.float32)
    whole[: bias.shape[0], : bias.shape[1]] = bias
    return whole
