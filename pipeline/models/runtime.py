"""Running networks: every one in OpenVINO, on the CPU, in threads that do not crowd each other out."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from pipeline.parallel import usable_cores

Array = npt.NDArray[Any]
Runner = Callable[[Sequence[Array]], Sequence[Array]]
"""A compiled network: one array for each input, one for each output. Safe to call from several threads at once."""

FLOAT32, BFLOAT16 = "f32", "bf16"
"""The precisions that a network is computed in."""

KEPT_STEPS = 256
"""Steps of a network, each prepared for one shape, that OpenVINO keeps, the last used; it would keep 5,000."""

_FIRST_USE = Lock()
_COMPILED, _COMPILED_LOCK = WeakSet[Any](), Lock()


class ModelUnavailable(Exception):  # noqa: N818 - a state of the server, not a defect
    """A model cannot be had; the text says why, and where to put which file."""


class OpenVinoRunner:
    """A `Runner` of a network: an `openvino.Model`, or the file of one (`.xml`, `.onnx`).

    A call takes all cores; with `alone` only the caller's, and so many run side by side: for small work that callers
    divide themselves. Raises `ModelUnavailable` where OpenVINO does not read or compile it. Compile after a fork, not
    before one.
    """

    def __init__(
        self, network: Any, precision: str = FLOAT32, *, alone: bool = False, kept_steps: int = KEPT_STEPS
    ) -> None:
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": usable_cores(),
            "NUM_STREAMS": usable_cores() if alone else 1,
            "ENABLE_CPU_PINNING": False,  # all networks would be pinned to the same cores
            "CPU_RUNTIME_CACHE_CAPACITY": kept_steps,
        }
        model = read_network(network) if isinstance(network, Path) else network
        try:
            self._compiled = engine().compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise ModelUnavailable(f"OpenVINO does not compile the network: {_first_line(error)}") from error
        self._idle: list[Any] = []
        with _COMPILED_LOCK:
            _COMPILED.add(self._compiled)

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """Run the network once and return its outputs in its order."""
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        outputs = request.infer([np.ascontiguousarray(one) for one in inputs], share_inputs=True)
        self._idle.append(request)
        return list(outputs.values())


def release_memory() -> None:
    """Free what networks' layers write to, which is kept between calls; the next call takes it again.

    A network with a call under way keeps it.
    """
    with _COMPILED_LOCK:
        compiled = list(_COMPILED)
    for network in compiled:
        with suppress(RuntimeError):  # it is busy
            network.release_memory()


def in_parts(run: Runner, most: int) -> Runner:
    """Return a runner that gives `run` at most so many rows at once, and few different numbers of rows.

    OpenVINO prepares a network for every shape anew, and keeps the memory of the largest. So the last part is filled
    up with zeros to a `rounded` number of rows. Every row is computed for itself; there is at least one.
    """

    def call(inputs: Sequence[Array]) -> list[Array]:
        count = len(inputs[0])
        parts = [run([_filled(one[start : start + most]) for one in inputs]) for start in range(0, count, most)]
        return [np.concatenate(outputs)[:count] for outputs in zip(*parts, strict=True)]

    return call


def rounded(length: int) -> int:
    """Return the next length, at most an eighth more, that is one of few: eight between a power of two and the next."""
    step = 1 << max(0, length.bit_length() - 4)
    return -(-length // step) * step


def read_network(file: Path) -> Any:
    """Read an `openvino.Model` from a file; raises `ModelUnavailable` where it holds none."""
    try:
        return engine().read_model(file)
    except RuntimeError as error:
        raise ModelUnavailable(f"OpenVINO does not read {file.name}: {_first_line(error)}") from error


def recognition_precision() -> str:
    """Return the precision that recognition runs in: bfloat16 where the processor computes in it, else float32."""
    capabilities = engine().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return BFLOAT16 if "BF16" in capabilities else FLOAT32


def engine() -> Any:
    """Return the process's `openvino.Core`."""
    with _FIRST_USE:
        return _core()


def library() -> Any:
    """Return the module `openvino`; import it in no other way.

    Its first conversion of an array makes tables of element types. Two threads that begin with one at the same time
    would wait for each other forever: one has a table's lock and waits for Python's, the other one has Python's.
    """
    with _FIRST_USE:
        return _begun()


@cache
def _core() -> Any:
    return _begun().Core()


@cache
def _begun() -> Any:
    import openvino

    _ = openvino.op.Constant(np.zeros(1, np.float32)).data
    return openvino


def _filled(rows: Array) -> Array:
    missing = rounded(len(rows)) - len(rows)
    return np.concatenate([rows, np.zeros((missing, *rows.shape[1:]), rows.dtype)]) if missing else rows


def _first_line(error: RuntimeError) -> str:
    """Return the part of OpenVINO's message that is not about its own source files."""
    lines = [line for line in str(error).splitlines() if line and not line.startswith(("Exception from", "Check "))]
    return lines[0][:200] if lines else type(error).__name__
