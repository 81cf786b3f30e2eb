"""Convolutions in compiled code, each computed in the way that takes the fewest multiplications, on all cores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from pipeline.models.compiled import tiles
from pipeline.models.compiled.code import LANES
from pipeline.models.compiled.filtering import TAPS, Exact, filtering, multipliers
from pipeline.models.compiled.memory import AT_ONCE, NUMBER, Memory, Need, Place, Scratch, Shape
from pipeline.models.compiled.products import PANEL, in_panels, products
from pipeline.types import Floats

_TILES = 64
"""Tiles that are computed at once: enough rows for a matrix product, and what comes of them stays in the cache."""
_PIXELS, _NUMBERS = 96, 1 << 17
"""The same for a convolution that is computed as it is written: pixels at least, and numbers that stay in the cache."""
_APART = 16
"""Numbers between the matrices of two points: without them, all points of a tile would meet in the same cache lines."""
_READING = 16
"""What reading one multiplier from memory costs, in multiplications."""
_FILTERING = 1.2
"""What the steps before and after the products add to them, about."""
_OUTPUTS = (3, 4, 6, 7)


@dataclass(eq=False)
class Convolution:
    """A convolution and what follows it, as it is read: `kernel` is (filters, channels, high, wide).

    `bias` is (filters,), or (height, width, filters) where it differs at the borders. `more` is the name of a picture
    that is added, and `slopes` (filters,) what then multiplies all that is not positive.
    """

    name: str
    source: str
    kernel: Exact
    bias: Exact
    stride: int
    padding: int
    height: int
    width: int
    more: str | None = None
    slopes: Exact | None = None

    @property
    def shape(self) -> Shape:
        """What comes out."""
        return self.height, self.width, len(self.kernel)

    @property
    def sources(self) -> Sequence[str]:
        """The pictures that it reads."""
        return [self.source, self.more] if self.more else [self.source]

    @property
    def ends_linear(self) -> bool:
        """Whether what comes out is still the sums and their bias alone."""
        return self.more is None and self.slopes is None

    def follow(self, factors: Exact, offsets: Exact) -> None:
        """Multiply what comes out, filter by filter, and add offsets."""
        self.kernel = self.kernel * factors.reshape(-1, 1, 1, 1)
        self.bias = self.bias * factors + offsets


class Part(NamedTuple):
    """What is computed at once of a layer: faces and rows of tiles, each from one to before another."""

    faces: tuple[int, int]
    bands: tuple[int, int]


class PlannedConvolution:
    """A `Convolution` whose multipliers are in order for the two ways to compute it.

    One face has few tiles for all the multipliers of a filtering; many faces have few multiplications that way.
    """

    def __init__(self, layer: Convolution) -> None:
        best = min(_outputs(layer), key=lambda outputs: _cost(layer, outputs, AT_ONCE))
        # The kernel as it was read has done its work; of it only the shape is kept.
        self._layer = replace(layer, kernel=np.broadcast_to(0.0, layer.kernel.shape))
        self._ways = [_Way(self._layer, layer.kernel, outputs) for outputs in {1, best}]

    def needs(self) -> Iterator[Need]:
        """Give the room that whole tiles take, which may reach over a picture's end."""
        for way in self._ways:
            yield from way.needs()

    def run(self, memory: Memory, faces: int) -> None:
        """Compute the layer for the first so many faces."""
        min(self._ways, key=lambda way: _cost(self._layer, way.outputs, faces)).run(memory, faces)


class _Way:
    """A convolution, computed in tiles of so many outputs."""

    def __init__(self, layer: Convolution, kernel: Exact, outputs: int) -> None:
        self._layer, self.outputs = layer, outputs
        filters, _, high, wide = kernel.shape
        self.down, self.across = -(-layer.height // self.outputs), -(-layer.width // self.outputs)
        self._filters, self._panels = filters, filters // PANEL
        if self.outputs > 1:
            rule = filtering(self.outputs, layer.stride)
            matrices, self._points = multipliers(kernel, rule), rule.products**2
            self._spread, window = tiles.spreading(self.outputs, layer.stride), (rule.samples, rule.samples)
        else:
            matrices, self._points = _rows(kernel), 1
            self._spread, window = tiles.copying(high, wide, layer.stride), (high, wide)
        step = self.outputs * layer.stride
        self._looks = (self.down - 1) * step + window[0], (self.across - 1) * step + window[1]
        self._gather, self._products = tiles.gathering(self.outputs, layer.stride), products()
        self._multipliers = in_panels(matrices)
        self._length = self._multipliers.shape[2]
        self._multipliers_at, self._u_point = self._multipliers.ctypes.data, self._multipliers[0].size
        self._bias = _padded(layer.bias, self.down * self.outputs, self.across * self.outputs)
        self._slopes = np.ones(filters, np.float32) if layer.slopes is None else layer.slopes.astype(np.float32)
        self._zeros = np.zeros(filters, np.float32)
        self._slopes_at, self._nothing = self._slopes.ctypes.data, Place(self._zeros.ctypes.data, 0, 0, 0)
        steps = [step // NUMBER for step in self._bias.strides[:-1]] or [0, 0]
        self._bias_at = Place(self._bias.ctypes.data, 0, *steps)

    def needs(self) -> Iterator[Need]:
        """Give the room that whole tiles take, which may reach over a picture's end."""
        layer, wanted = self._layer, (self.down * self.outputs, self.across * self.outputs)
        yield Need(layer.source, layer.padding, *(side - layer.padding for side in self._looks))
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

    def _compute(self, part: Part, x: Place, channels: int, out: Place, more: Place, scratch: Scratch) -> None:
        (face, face_end), (band, band_end) = part
        counts, row = (face_end - face, band_end - band, self.across), band * self.outputs
        count = counts[0] * counts[1] * counts[2]
        v_point, m_point = count * self._length + _APART, count * self._filters + _APART
        v = scratch.address(self._points * (v_point + m_point))
        m = v + NUMBER * self._points * v_point
        apart = v_point if self.outputs > 1 else self._length
        self._spread(x.moved(face, row * self._layer.stride), v, *counts, x.face, x.row, channels, apart)
        self._products(
            v, self._multipliers_at, m, self._points, v_point, self._u_point, m_point,
            self._length, count, self._panels, self._filters,
        )  # fmt: skip
        self._gather(
            m, out.moved(face, row), self._bias_at.moved(0, row), more.moved(face, row), self._slopes_at,
            *counts, self._filters, m_point, *out[1:], *self._bias_at[2:], *more[1:],
        )  # fmt: skip

    def _parts(self, faces: int) -> Iterator[Part]:
        """Cut the layer by faces, or where one is enough by bands of tiles, so that what is between fits the cache."""
        target = _TILES if self.outputs > 1 else max(_PIXELS, _NUMBERS // (self._length + self._filters))
        together = min(faces, max(1, target // (self.down * self.across)))
        bands = max(1, min(self.down, target // self.across))
        for face in range(0, faces, together):
            for band in range(0, self.down, bands):
                yield Part((face, min(faces, face + together)), (band, min(self.down, band + bands)))


def _outputs(layer: Convolution) -> Sequence[int]:
    """Return the tiles that a layer can be computed in; 1 is the convolution as it is written."""
    _, channels, high, wide = layer.kernel.shape
    filtered = (high, wide) == (TAPS, TAPS) and layer.stride <= 2 and channels % LANES == 0
    return (1, *_OUTPUTS) if filtered else (1,)


def _cost(layer: Convolution, outputs: int, faces: int) -> float:
    """Return about how many multiplications a layer is worth, for each channel and filter."""
    count = faces * -(-layer.height // outputs) * -(-layer.width // outputs)
    if outputs == 1:
        return float((count + _READING) * layer.kernel[0, 0].size)
    return (count + _READING) * filtering(outputs, layer.stride).products ** 2 * _FILTERING


def _rows(kernel: Exact) -> Exact:
    """Return a kernel as one matrix of windows by filters, in the order of `tiles.copying`."""
    return kernel.transpose(2, 3, 1, 0).reshape(1, -1, len(kernel))


def _padded(bias: Exact, rows: int, columns: int) -> Floats:
    """Return a bias in float32; one for each pixel with zeros where tiles reach over the picture."""
    if bias.ndim == 1:
        return bias.astype(np.float32)
    whole = np.zeros((rows, columns, bias.shape[-1]), np.float32)
    whole[: bias.shape[0], : bias.shape[1]] = bias
    return whole
