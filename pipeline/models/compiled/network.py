"""A ResNet in compiled code: the fewest multiplications, no copies between layers, memory that is used again.

The cores divide the faces, so that each goes through all layers without waiting for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.models.compiled.convolution import Convolution
from pipeline.models.compiled.memory import AT_ONCE, Frame, Memory, Need, frames
from pipeline.models.compiled.planning import PlannedConvolution
from pipeline.models.compiled.reading import Network, read_network
from pipeline.models.compiled.small_layers import PlannedDense
from pipeline.models.compiled.values import Layer
from pipeline.models.runtime import Array
from pipeline.parallel import parallel_map, usable_cores
from pipeline.types import Floats


class Planned(Protocol):
    """A layer that is ready to be computed."""

    def needs(self) -> Iterable[Need]:
        """Give the room that it takes for granted around pictures."""
        ...

    def run(self, memory: Memory, faces: int) -> None:
        """Compute it for the first so many faces."""
        ...


class CompiledNetwork:
    """A graph of one picture in and one vector out; see `pipeline.models.runtime.Runner`.

    Its outputs differ from the graph's by the rounding of float32, about 1e-5 of their size. Raises
    `NotCompilableError` where the graph has something else than the layers of a ResNet.
    """

    def __init__(self, graph: bytes | Path, factor: float = 1.0) -> None:
        network = read_network(graph, factor)
        self._input, self._shape = network.input, network.shape
        self._layers = parallel_map(_planned, network.layers)
        self._last, self._dense = network.dense.source, PlannedDense(network.dense)
        shapes = {network.input: network.shape, **{layer.name: layer.shape for layer in network.layers}}
        self._frames = frames(shapes, [need for layer in self._layers for need in layer.needs()])
        self._rooms = _rooms(network, self._frames)
        self._memories: list[Memory] = []

    def __call__(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Run the network over at least one picture (n, height, width, channels) of any number type.

        Raises `ValueError` for pictures of another size.
        """
        pictures = inputs[self._input]
        if len(pictures) == 0 or pictures.shape[1:] != self._shape:
            raise ValueError(f"The network takes one or more pictures of {self._shape}, not {pictures.shape}.")
        parts = max(-(-len(pictures) // AT_ONCE), min(len(pictures), usable_cores()))
        return [np.concatenate(parallel_map(self._run, np.array_split(pictures, parts)))]

    def _run(self, pictures: Array) -> Floats:
        memory = self._memories.pop() if self._memories else Memory(self._frames, self._rooms)
        faces = len(pictures)
        memory.inside(self._input, faces)[...] = pictures
        for layer in self._layers:
            layer.run(memory, faces)
        rows = memory.inside(self._last, faces).reshape(faces, -1)
        embeddings = self._dense.run(np.ascontiguousarray(rows))
        self._memories.append(memory)
        return embeddings


def _planned(layer: Layer) -> Planned:
    return PlannedConvolution(layer) if isinstance(layer, Convolution) else layer


def _rooms(network: Network, frames: Mapping[str, Frame]) -> dict[str, int]:
    """Return which memory every picture lies in: that of an earlier one with the same frame that nobody needs now."""
    last = {network.dense.source: len(network.layers)}
    for number, layer in reversed(list(enumerate(network.layers))):
        for name in layer.sources:
            last.setdefault(name, number)
    rooms: dict[str, int] = {network.input: 0}
    free: dict[Frame, list[int]] = {}
    for number, layer in enumerate(network.layers):
        same = free.get(frames[layer.name])
        rooms[layer.name] = same.pop() if same else max(rooms.values()) + 1
        for name in set(layer.sources):
            if last[name] == number:
                free.setdefault(frames[name], []).append(rooms[name])
    return rooms
