"""Which way a convolution is computed in: the one that is cheaper for the faces at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from pipeline.models.compiled.code import LANES
from pipeline.models.compiled.convolution import Convolution
from pipeline.models.compiled.filtering import TAPS, filtering
from pipeline.models.compiled.memory import AT_ONCE, Memory, Need
from pipeline.models.compiled.ways import AsWritten, Filtered, Way

_READING = 16
"""What reading one multiplier from memory costs, in multiplications."""
_FILTERING = 1.2
"""What the steps before and after the products add to them, about."""
_OUTPUTS = (3, 4, 6, 7)


class PlannedConvolution:
    """A `Convolution` whose multipliers are in order for the two ways to compute it.

    One face has few tiles for all the multipliers of a filtering; many faces have few multiplications that way.
    """

    def __init__(self, layer: Convolution) -> None:
        best = min(_outputs(layer), key=lambda outputs: _cost(layer, outputs, AT_ONCE))
        # The kernel as it was read has done its work; of it only the shape is kept.
        self._layer = replace(layer, kernel=np.broadcast_to(0.0, layer.kernel.shape))
        self._ways: list[Way] = [AsWritten(self._layer, layer.kernel, 1)]
        if best > 1:
            self._ways.append(Filtered(self._layer, layer.kernel, best))

    def needs(self) -> Iterator[Need]:
        """Give the room that whole tiles take, which may reach over a picture's end."""
        for way in self._ways:
            yield from way.needs()

    def run(self, memory: Memory, faces: int) -> None:
        """Compute the layer for the first so many faces."""
        min(self._ways, key=lambda way: _cost(self._layer, way.outputs, faces)).run(memory, faces)


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
