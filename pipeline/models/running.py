"""Which engine a recognition network that is an ONNX graph runs in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.models.compiled.network import CompiledNetwork
from pipeline.models.compiled.reading import NotCompilableError
from pipeline.models.runtime import OnnxRunner
from pipeline.parallel import parallel_map, usable_cores
from pipeline.types import Floats

Faces = npt.NDArray[np.uint8]
"""Aligned faces of one size: uint8 RGB, (n, height, width, 3)."""

_HALVES = 2


def running(graph: bytes | Path) -> Callable[[Faces], Floats]:
    """Run a graph from "pixels" to embeddings: compiled here where it is a ResNet, in onnxruntime where it is not.

    Raises `ModelUnavailable` where neither takes it.
    """
    try:
        compiled = CompiledNetwork(graph)
    except NotCompilableError:
        return in_onnxruntime(graph)
    return lambda faces: compiled({"pixels": faces})[0]


def in_onnxruntime(graph: bytes | Path) -> Callable[[Faces], Floats]:
    """Run two halves of the faces side by side, each through the whole graph: they wait for each other once.

    Faces come with their mirror images, so there are at least two. Cores beyond the second help both halves.
    """
    runner = OnnxRunner(graph, threads=max(1, usable_cores() - 1))

    def run(faces: Faces) -> Floats:
        halves = np.array_split(faces, min(_HALVES, len(faces)))
        return np.concatenate(parallel_map(lambda half: runner({"pixels": half})[0], halves))

    return run
