"""Writing ONNX graphs node by node, for networks whose weights come in another form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

OPSET = 17
IR_VERSION = 8

Shape = Sequence[int | str]


class GraphBuilder:
    """Collects nodes and constants and gives the finished model as bytes.

    Every method that adds a node returns the name of its output, so that calls can be nested.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, dtype: npt.DTypeLike, shape: Shape) -> str:
        """Declare an input; a text in `shape` is an axis of any length."""
        self._inputs.append(self._value(name, dtype, shape))
        return name

    def output(self, value: str, name: str, dtype: npt.DTypeLike, shape: Shape) -> None:
        """Declare `value` to be the output `name`."""
        from onnx import helper

        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._value(name, dtype, shape))

    def constant(self, array: npt.ArrayLike) -> str:
        """Add a constant."""
        from onnx import numpy_helper

        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output."""
        from onnx import helper

        name = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def convolution(self, x: str, weights: npt.ArrayLike, bias: npt.ArrayLike, **attributes: Any) -> str:
        """Add a convolution; `weights` is (out, in, height, width)."""
        return self.node("Conv", x, self.constant(weights), self.constant(bias), **attributes)

    def prelu(self, x: str, slope: npt.NDArray[np.float32]) -> str:
        """Add a PReLU; `slope` is of a shape that fits `x`.

        Where no slope is above 1 it is the larger of `x` and `slope * x`, to the last bit, and that takes onnxruntime
        half as long as its own PRelu.
        """
        if slope.max() > 1.0:
            return self.node("PRelu", x, self.constant(slope))
        return self.node("Max", x, self.node("Mul", x, self.constant(slope)))

    def build(self) -> bytes:
        """Return the checked model.

        Raises `onnx.checker.ValidationError` where the graph is not well-formed.
        """
        from onnx import checker, helper

        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        checker.check_model(model)
        return bytes(model.SerializeToString())

    @staticmethod
    def _value(name: str, dtype: npt.DTypeLike, shape: Shape) -> Any:
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return helper.make_tensor_value_info(name, kind, list(shape))
