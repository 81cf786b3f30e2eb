"""Building networks from OpenVINO's operators, for weights that come in another form than a model file."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models.runtime import library

Node = Any
"""A node of an OpenVINO graph."""


def operators() -> Any:
    """Return OpenVINO's operators, imported when the first network is built."""
    library()
    return import_module("openvino.opset13")


def images(dtype: npt.DTypeLike, height: int, width: int) -> tuple[Node, Node]:
    """Return an input of any number of images (n, height, width, 3), and its value as float32 (n, 3, height, width).

    A side of -1 is of any length.
    """
    ops = operators()
    given = ops.parameter([-1, height, width, 3], dtype)
    return given, ops.convert(ops.transpose(given, [0, 3, 1, 2]), "f32")


def constant(values: npt.ArrayLike) -> Node:
    """Add a constant; operators turn bare arrays into lists of Python's numbers on the way."""
    return operators().constant(np.ascontiguousarray(values))


def convolution(
    x: Node, kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32], stride: int = 1, padding: int = 0
) -> Node:
    """Add a convolution; `kernel` is (out, in, height, width)."""
    ops = operators()
    ends = [padding, padding]
    convolved = ops.convolution(x, constant(kernel), [stride, stride], ends, ends, [1, 1])
    return ops.add(convolved, constant(bias.reshape(1, -1, 1, 1)))


def max_pool(x: Node, size: int, padding: str = "valid") -> Node:
    """Take the maximum over windows of `size` x `size`, two apart; `padding` is valid or same_upper."""
    window = [size, size]
    # A later version of this operator has a second output, of indices.
    return import_module("openvino.opset1").max_pool(x, [2, 2], [0, 0], [0, 0], window, "floor", padding)


def network(outputs: Sequence[Node], inputs: Sequence[Node]) -> Any:
    """Return the finished `openvino.Model`."""
    return library().Model(list(outputs), list(inputs))
