"""Liveness networks as graphs: translated and proved at the first load, read from the cache at every later one."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.models.batching import Array, RequestBatcher
from pipeline.models.keras_graph import NotConvertibleError, keras_graph
from pipeline.models.runtime import ModelUnavailable, OnnxRunner
from pipeline.types import Floats

_log = logging.getLogger(__name__)

VERSION = "2"
"""Changes whenever the translation gives another graph."""
TOLERANCE = 1e-4
"""The largest difference from Keras's own outputs that a graph may have."""
_PROOFS = 8

Predict = Callable[[list[Floats]], Floats]


@dataclass(frozen=True, eq=False)
class KerasNetwork:
    """A loaded network and how Keras runs it: one float32 array per input, (n, outputs) out."""

    network: Any
    predict: Predict


def graph_file(folder: Path | None, name: str, digest: str) -> Path | None:
    """Return where the graph made from a file of this SHA-256 is kept; None where nothing is."""
    return None if folder is None else folder / f"{name}-{digest[:16]}-{VERSION}.onnx"


def predictor(load: Callable[[], KerasNetwork], file: Path | None, low: float, high: float) -> Predict:
    """Return how the network is run: as the graph in `file` where it is kept there, without loading Keras.

    Else the network is loaded and translated. Its graph counts only if it gives Keras's own outputs for inputs between
    `low` and `high`; it is kept then. Where it does not, or `file` is None, Keras runs the network.
    """
    if file is None:
        return load().predict
    runner = _kept(file)
    if runner is None:
        keras = load()
        runner = _translated(keras, file, low, high)
        if runner is None:
            return keras.predict
    return _shared(runner)


def _kept(file: Path) -> OnnxRunner | None:
    if not file.is_file():
        return None
    try:
        return OnnxRunner(file)
    except ModelUnavailable:
        _log.warning("%s is damaged and is made anew", file.name)
        return None


def _translated(keras: KerasNetwork, file: Path, low: float, high: float) -> OnnxRunner | None:
    try:
        graph = keras_graph(keras.network)
        runner = OnnxRunner(graph)
    except (NotConvertibleError, ModelUnavailable) as reason:
        _log.warning("%s: Keras runs the network itself: %s", file.name, reason)
        return None
    generator = np.random.default_rng(0)
    shapes = [tuple(int(side) for side in tensor.shape[1:]) for tensor in keras.network.inputs]
    inputs = [generator.uniform(low, high, (_PROOFS, *shape)).astype(np.float32) for shape in shapes]
    difference = float(np.abs(_run(runner, inputs)[0] - keras.predict(inputs)).max())
    if not difference <= TOLERANCE:
        _log.warning("%s: Keras runs the network itself: its graph differs by %g", file.name, difference)
        return None
    _keep(graph, file)
    return runner


def _keep(graph: bytes, file: Path) -> None:
    """Keep the graph for the next start, where the folder can be written; another process may do the same."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(graph)
        part.replace(file)
    except OSError as error:
        _log.warning("%s is not kept: %s", file.name, error.strerror)
        part.unlink(missing_ok=True)


def _shared(runner: OnnxRunner) -> Predict:
    together = RequestBatcher(lambda arrays: _run(runner, arrays))
    return lambda inputs: np.asarray(together(inputs)[0], dtype=np.float32)


def _run(runner: OnnxRunner, inputs: Sequence[Array]) -> list[Array]:
    return runner({f"input{number}": one for number, one in enumerate(inputs)})
