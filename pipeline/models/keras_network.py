"""Keras networks in OpenVINO: converted and proved at the first load, read from the kept file at every later one.

So a server that only runs them does not import TensorFlow from its second start on.
"""

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models.runtime import FLOAT32, Array, ModelUnavailable, OpenVinoRunner, Runner, library

_log = logging.getLogger(__name__)

VERSION = "3"
"""Changes whenever the conversion gives another network."""
TOLERANCE = 1e-4
"""The largest difference from Keras's own outputs that a network may have, of an output of length 1 or more."""
_PROOFS = 8


class KerasFunction:
    """A function of TensorFlow's tensors that runs a Keras network, traced once for any number of rows.

    `inputs` gives shape without rows and type of each input.
    """

    def __init__(self, call: Callable[..., Any], inputs: Sequence[tuple[Sequence[int], npt.DTypeLike]]) -> None:
        import tensorflow as tf

        self._inputs = inputs
        signature = [tf.TensorSpec((None, *shape), np.dtype(dtype)) for shape, dtype in inputs]
        self.traced = tf.function(call, input_signature=signature, autograph=False)

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run the network in TensorFlow."""
        return [np.asarray(self.traced(*inputs), np.float32)]

    def converted(self) -> Any:
        """Return it as an `openvino.Model` with weights of its own; raises what OpenVINO raises.

        Shared weights, OpenVINO's default, would be read after TensorFlow has freed them. The conversion of layers that
        ask for the number of rows, as group normalisation does, leaves that number among the outputs: only the
        function's own stay, which TensorFlow calls Identity.
        """
        openvino = library()
        model = openvino.convert_model(self.traced, share_weights=False)
        own = [one for one in model.get_results() if any(name.startswith("Identity") for name in one.output(0).names)]
        return openvino.Model(own, model.get_parameters())

    def samples(self, low: float, high: float) -> list[Array]:
        """Return inputs between `low` and `high` to try it with, the same every time."""
        generator = np.random.default_rng(0)
        drawn = [generator.uniform(low, high, (_PROOFS, *shape)) for shape, _ in self._inputs]
        return [one.astype(dtype) for one, (_, dtype) in zip(drawn, self._inputs, strict=True)]


def kept_file(folder: Path | None, name: str, digest: str) -> Path | None:
    """Return where the network made from a file of this SHA-256 is kept; None where nothing is."""
    return None if folder is None else folder / f"{name}-{digest[:16]}-{VERSION}.xml"


def keras_runner(
    load: Callable[[], KerasFunction], file: Path | None, low: float, high: float, precision: str = FLOAT32
) -> Runner:
    """Return a runner of the network kept in `file`, without loading Keras where it is there.

    Else the network is loaded and converted. What comes of it counts only if it gives Keras's own outputs for inputs
    between `low` and `high`; it is kept then. Where it does not, or `file` is None, Keras runs the network.
    """
    if file is None:
        return load()
    if file.is_file():
        try:
            return OpenVinoRunner(file, precision)
        except ModelUnavailable:
            _log.warning("%s is damaged and is made anew", file.name)
    function = load()
    model = _proved(function, file.name, function.samples(low, high))
    if model is None:
        return function
    _keep(model, file)
    return OpenVinoRunner(file if file.is_file() else model, precision)


def _proved(function: KerasFunction, name: str, samples: Sequence[Array]) -> Any:
    """Return the converted network, or None where it cannot be converted or gives something else."""
    try:
        model = function.converted()
        answer = OpenVinoRunner(model)(samples)[0]
    except Exception as reason:  # noqa: BLE001 - OpenVINO's exceptions share no base class, and Keras still runs it
        _log.warning("%s: Keras runs the network itself: %s: %.200s", name, type(reason).__name__, reason)
        return None
    expected = function(samples)[0]
    difference = float(np.abs(answer - expected).max()) / max(1.0, float(np.abs(expected).max()))
    if difference <= TOLERANCE:
        return model
    _log.warning("%s: Keras runs the network itself: the converted one differs by %g", name, difference)
    return None


def _keep(model: Any, file: Path) -> None:
    """Keep the network for the next start, where the folder can be written; another process may do the same.

    Its weights are in a file of the same name with the suffix `.bin`.
    """
    part = file.with_name(f"{file.stem}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True, exist_ok=True)
        library().save_model(model, part / file.name, compress_to_fp16=False)
        for name in (file.with_suffix(".bin").name, file.name):
            (part / name).replace(file.with_name(name))
    except (OSError, RuntimeError) as error:
        _log.warning("%s is not kept: %.200s", file.name, error)
    shutil.rmtree(part, ignore_errors=True)
