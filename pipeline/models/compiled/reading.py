"""From an ONNX graph to a list of layers, with everything that is linear drawn into the convolutions.

What is understood are chains of convolutions with their normalisations, slopes, poolings and shortcuts, and a matrix at
the end: ResNets, as recognition networks mostly are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.models.compiled.code import LANES
from pipeline.models.compiled.convolution import Convolution
from pipeline.models.compiled.filtering import Exact
from pipeline.models.compiled.memory import Shape
from pipeline.models.compiled.products import PANEL
from pipeline.models.compiled.small_layers import Dense, Joining, Pooling
from pipeline.models.compiled.values import Layer, NotCompilableError, Value, attributes, only, padding_of, slid

__all__ = ["Network", "NotCompilableError", "read_network"]

_FLOAT = 1
"""What ONNX calls float32."""
_TO_PLANES, _FROM_PLANES = (0, 3, 1, 2), (0, 2, 3, 1)


@dataclass(frozen=True, eq=False)
class Network:
    """A graph as it is read: pictures of `shape` go in, and what the dense layer makes of the last one comes out."""

    input: str
    shape: Shape
    layers: Sequence[Layer]
    dense: Dense


def read_network(graph: bytes | Path, factor: float = 1.0) -> Network:
    """Read a graph with one input, (n, height, width, channels), and one output, (n, length).

    The input is multiplied by `factor` first. Raises `NotCompilableError`.
    """
    import onnx

    try:
        model = onnx.load_model_from_string(graph) if isinstance(graph, bytes) else onnx.load(graph)
    except Exception as error:  # protobuf's DecodeError, whose home differs between its versions
        raise NotCompilableError("it is not an ONNX model") from error
    return _Reader(model.graph, factor).read()


class _Reader:
    """Goes through the nodes in their order."""

    def __init__(self, graph: Any, factor: float) -> None:
        from onnx import numpy_helper

        self._graph = graph
        self._constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        self._uses = Counter(name for node in graph.node for name in node.input)
        inputs = [one for one in graph.input if one.name not in self._constants]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise NotCompilableError("it has several inputs or outputs")
        self._input = inputs[0].name
        sides = [axis.dim_value for axis in inputs[0].type.tensor_type.shape.dim]
        if len(sides) != 4 or not all(sides[1:]):
            raise NotCompilableError("its input is not a picture of a fixed size")
        self._shape: Shape = (sides[1], sides[2], sides[3])
        self._values = {self._input: Value(self._input, self._shape).followed(factor, 0.0)}
        self._layers: list[Layer] = []
        self._dense: Dense | None = None

    def read(self) -> Network:
        """Return the network."""
        for node in self._graph.node:
            handler = _HANDLERS.get(node.op_type)
            if handler is None:
                raise NotCompilableError(f"it has a {node.op_type}")
            self._values[node.output[0]] = handler(self, node)
        if self._dense is None or self._value(self._graph.output[0].name).layer is not self._dense:
            raise NotCompilableError("it does not end with a dense layer")
        return Network(self._input, self._shape, self._layers, self._dense)

    def same(self, node: Any) -> Value:
        """Take a node that changes nothing here."""
        if node.op_type == "Cast" and attributes(node)["to"] != _FLOAT:
            raise NotCompilableError("it computes in other numbers than float32")
        return self._value(node.input[0])

    def transpose(self, node: Any) -> Value:
        """Take planes at the beginning, which nothing here has, and pixels again before the last matrix."""
        value, order = self.same(node), tuple(attributes(node)["perm"])
        if order == _TO_PLANES and value.name == self._input:
            return value
        if order != _FROM_PLANES:
            raise NotCompilableError(f"it has a transposition to {order}")
        return replace(value, channels_last=True)

    def pad(self, node: Any) -> Value:
        """Take zeros around a picture, for the convolution that comes next, or behind it, for a sum."""
        value, ends, filling = self._picture(node), self._constant(node, 1), self._constant(node, 2)
        if ends is None or value.padded or (filling is not None and filling.any()):
            raise NotCompilableError("it pads otherwise than with zeros")
        batch, before, top, left, batch_end, channels, bottom, right = (int(end) for end in ends)
        if batch or before or batch_end or top != left or bottom != right or top not in (0, bottom) or bottom < 0:
            raise NotCompilableError("it pads otherwise than with the same zeros on all sides")
        if top:
            return replace(value, padding=top, layer=None)
        return replace(value, tail=(bottom, channels))

    def convolution(self, node: Any) -> Value:
        """Take a convolution, with what was to be done before it."""
        value, kernel, given = self._picture(node), self._constant(node, 1), attributes(node)
        stride, padding = only(given, "strides", 1), padding_of(given)
        if kernel is None or given.get("group", 1) != 1 or only(given, "dilations", 1) != 1 or value.tail != (0, 0):
            raise NotCompilableError("it has a convolution of another kind")
        if len(kernel) % PANEL:
            raise NotCompilableError(f"it has a convolution whose filters are not a multiple of {PANEL}")
        if padding and value.padding:
            raise NotCompilableError("it pads a picture twice")
        value = replace(value, padding=padding + value.padding)
        offsets = self._constant(node, 2)
        bias = np.zeros(len(kernel)) if offsets is None else offsets
        if kernel.ndim != 4 or kernel.shape[1] != value.shape[2] or bias.shape != kernel.shape[:1]:
            raise NotCompilableError("its kernel does not fit the picture")
        sides = zip(value.shape[:2], kernel.shape[2:], strict=True)
        height, width = (slid(side + 2 * value.padding, taps, stride) for side, taps in sides)
        kernel, bias = value.into(kernel, bias, stride, (height, width))
        name = node.output[0]
        return self._made(Convolution(name, value.name, kernel, bias, stride, value.padding, height, width))

    def scaled(self, node: Any) -> Value:
        """Take `Mul` and `Div` by constants, one for each channel."""
        value, factors = self._with_constant(node)
        return self._linear(node, value, 1.0 / factors if node.op_type == "Div" else factors, np.zeros(1))

    def moved(self, node: Any) -> Value:
        """Take `Add` and `Sub` of constants, and `Add` and `Sum` of two pictures."""
        if all(name in self._values for name in node.input):
            return self._sum(node)
        value, offsets = self._with_constant(node)
        return self._linear(node, value, np.ones(1), -offsets if node.op_type == "Sub" else offsets)

    def normalised(self, node: Any) -> Value:
        """Take a batch normalisation."""
        value, numbers = self.same(node), [self._constant(node, number) for number in range(1, 5)]
        gamma, beta, mean, variance = (np.zeros(0) if one is None else one for one in numbers)
        if value.padded or {len(gamma), len(beta), len(mean), len(variance)} != {value.shape[2]}:
            raise NotCompilableError("it has a normalisation of another kind")
        factors = gamma / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
        return self._linear(node, value, factors, beta - mean * factors)

    def leaning(self, node: Any) -> Value:
        """Take `Relu`, `PRelu`, and the larger of a picture and the same times constants."""
        value, slopes, uses = self._picture(node), np.zeros(1), 1
        if node.op_type == "PRelu":
            slopes = value.each_channel(self._needed(node, 1))
        elif node.op_type == "Max":
            other, uses = self._value(node.input[1]), 2
            if other.name != value.name or other.factors is None or other.offsets is not None or other.padded:
                raise NotCompilableError("it has the larger of two pictures")
            slopes = other.factors
            if slopes.max() > 1.0:  # then the larger of both is not the picture itself where that is positive
                raise NotCompilableError("it has slopes above 1")
        layer = value.layer
        if not isinstance(layer, Convolution | Joining) or layer.slopes is not None or not value.plain:
            raise NotCompilableError("it has slopes elsewhere than behind a convolution or a sum")
        if self._uses[node.input[0]] != uses:
            raise NotCompilableError("it looks at a picture before its slopes")
        layer.slopes = np.broadcast_to(slopes.reshape(-1), value.shape[2:])
        return value

    def pooled(self, node: Any) -> Value:
        """Take the largest or the mean of windows."""
        value, given = self._picture(node), attributes(node)
        size, stride = only(given, "kernel_shape", 1), only(given, "strides", 1)
        if not value.plain or padding_of(given) or value.shape[2] % LANES:
            raise NotCompilableError("it has a pooling of another kind")
        if given.get("ceil_mode") or only(given, "dilations", 1) != 1:
            raise NotCompilableError("it has a pooling of another kind")
        (height, width, channels), largest = value.shape, node.op_type == "MaxPool"
        down, across = (slid(side, size, stride) for side in (height, width))
        return self._made(Pooling(node.output[0], value.name, largest, size, stride, down, across, channels, channels))

    def average(self, node: Any) -> Value:
        """Take the mean of all pixels, which becomes part of the last matrix."""
        return replace(self._picture(node), mean=True, layer=None)

    def flat(self, node: Any) -> Value:
        """Take a picture as a vector."""
        if attributes(node).get("axis", 1) != 1:
            raise NotCompilableError("it flattens along another axis")
        return replace(self.same(node), flat=True, layer=None)

    def dense(self, node: Any) -> Value:
        """Take the matrix at the end; its rows are put into the order of our pictures."""
        value, matrix, given = self.same(node), self._needed(node, 1), attributes(node)
        if self._dense is not None or {given.get("alpha", 1.0), given.get("beta", 1.0)} != {1.0} or given.get("transA"):
            raise NotCompilableError("it has a product of another kind")
        matrix, offsets = matrix.T if given.get("transB") else matrix, self._constant(node, 2)
        bias = np.zeros(matrix.shape[1]) if offsets is None else offsets
        self._dense = Dense(value.name, *value.in_order(matrix, bias))
        return Value(node.output[0], (1, 1, matrix.shape[1]), layer=self._dense)

    def _picture(self, node: Any) -> Value:
        value = self.same(node)
        if not value.picture:
            raise NotCompilableError(f"it has a {node.op_type} of a vector")
        return value

    def _value(self, name: str) -> Value:
        if name not in self._values:
            raise NotCompilableError("it computes with a constant where a picture is expected")
        return self._values[name]

    def _constant(self, node: Any, number: int) -> Exact | None:
        name = node.input[number] if len(node.input) > number else ""
        return self._constants[name].astype(np.float64) if name in self._constants else None

    def _needed(self, node: Any, number: int) -> Exact:
        constant = self._constant(node, number)
        if constant is None:
            raise NotCompilableError(f"it has a {node.op_type} of what is not constant")
        return constant

    def _with_constant(self, node: Any) -> tuple[Value, Exact]:
        value, constant = self.same(node), self._needed(node, 1)
        if value.padded:
            raise NotCompilableError(f"it has a {node.op_type} of another kind")
        return value, value.each_channel(constant)

    def _made(self, layer: Layer) -> Value:
        self._layers.append(layer)
        return Value(layer.name, layer.shape, layer=layer)

    def _linear(self, node: Any, value: Value, factors: Exact, offsets: Exact) -> Value:
        """Let the layer behind a value do something linear as well, or keep it for whoever reads the value."""
        layer = value.layer
        alone = value.plain and self._uses[node.input[0]] == 1
        if alone and (isinstance(layer, Dense) or (isinstance(layer, Convolution) and layer.ends_linear)):
            layer.follow(factors, offsets)
            return value
        return value.followed(factors, offsets)

    def _sum(self, node: Any) -> Value:
        """Take a shortcut: the later convolution adds the other picture to its own, and else a layer adds both."""
        names = sorted(node.input, key=lambda name: self._age(self._value(name).name))
        values = [self._widened(self._value(name)) for name in names]
        changed = any(one.factors is not None or one.offsets is not None or not one.picture for one in values)
        if len(values) != 2 or changed:
            raise NotCompilableError("it adds what is not two pictures")
        early, late = values
        layer, fits = late.layer, early.plain and late.plain and early.shape == late.shape
        if fits and isinstance(layer, Convolution) and layer.ends_linear and self._uses[names[1]] == 1:
            layer.more = early.name
            return late
        small, large = sorted((early, late), key=lambda one: one.shape)
        sides = [small.shape[axis] + small.tail[0] for axis in (0, 1)]
        if (*sides, small.shape[2]) != large.shape or large.padded or small.padding:
            raise NotCompilableError("it adds pictures of different sizes")
        return self._made(Joining(node.output[0], large.name, small.name, large.shape))

    def _widened(self, value: Value) -> Value:
        """Let a pooling make the channels of zeros that follow it."""
        below, channels = value.tail
        if not channels:
            return value
        layer = value.layer
        if not isinstance(layer, Pooling) or below or self._uses[value.name] != 1:
            raise NotCompilableError("it adds channels elsewhere than behind a pooling")
        layer.channels = layer.given + channels
        return Value(layer.name, layer.shape, layer=layer)

    def _age(self, name: str) -> int:
        return next((number for number, layer in enumerate(self._layers) if layer.name == name), -1)


_HANDLERS: Mapping[str, Callable[[_Reader, Any], Value]] = {
    "Identity": _Reader.same,
    "Cast": _Reader.same,
    "Dropout": _Reader.same,
    "Transpose": _Reader.transpose,
    "Pad": _Reader.pad,
    "Conv": _Reader.convolution,
    "Mul": _Reader.scaled,
    "Div": _Reader.scaled,
    "Add": _Reader.moved,
    "Sub": _Reader.moved,
    "Sum": _Reader.moved,
    "BatchNormalization": _Reader.normalised,
    "Relu": _Reader.leaning,
    "PRelu": _Reader.leaning,
    "Max": _Reader.leaning,
    "MaxPool": _Reader.pooled,
    "AveragePool": _Reader.pooled,
    "GlobalAveragePool": _Reader.average,
    "Flatten": _Reader.flat,
    "MatMul": _Reader.dense,
    "Gemm": _Reader.dense,
}
