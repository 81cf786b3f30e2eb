"""Running ONNX graphs: one way to open a session, with threads that do not crowd each other out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pipeline.parallel import usable_cores

Array = npt.NDArray[Any]


class ModelUnavailable(Exception):  # noqa: N818 - a state of the server, not a defect
    """A model cannot be had; the text says why, and where to put which file."""


class Runner(Protocol):
    """A compiled graph: named arrays in, arrays out. Calls from several threads at once are safe."""

    def __call__(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Run the graph once and return its outputs in the graph's order."""
        ...


class OnnxRunner:
    """An ONNX graph in onnxruntime, on the CPU.

    Raises `ModelUnavailable` where onnxruntime refuses the graph.
    """

    def __init__(self, graph: bytes | Path, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or usable_cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Spinning threads burn the cores that other requests need while this one waits for its next call.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        source = graph if isinstance(graph, bytes) else str(graph)
        try:
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base class of their own
            raise ModelUnavailable(f"onnxruntime does not load the graph: {type(error).__name__}") from error

    @property
    def input_name(self) -> str:
        """Name of the first input."""
        return str(self._session.get_inputs()[0].name)

    def __call__(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Run the graph once and return its outputs in the graph's order."""
        return [np.asarray(output) for output in self._session.run(None, dict(inputs))]
