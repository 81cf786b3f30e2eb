"""Each kind of Keras layer as nodes of an ONNX graph; pictures are (n, channels, height, width) there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.models.graph import GraphBuilder


class NotConvertibleError(ValueError):
    """The network has something that is not translated here; Keras itself has to run it."""


class Layer:
    """What a translation is given: `config` and `weights` of the layer, and the number of its output's axes."""

    def __init__(self, builder: GraphBuilder, config: Mapping[str, Any], weights: list[Any], rank: int) -> None:
        self.builder, self.config, self.weights, self.rank = builder, config, weights, rank

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node."""
        return self.builder.node(operator, *inputs, **attributes)

    def constant(self, value: Any) -> str:
        """Add a constant."""
        return self.builder.constant(np.asarray(value, np.float32))

    def activated(self, value: str) -> str:
        """Add the activation that the layer ends with."""
        name = self.config.get("activation") or "linear"
        if name == "linear":
            return value
        if name == "softmax":
            return self.node("Softmax", value, axis=1)
        operators = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "elu": "Elu"}
        if name not in operators:
            raise NotConvertibleError(f"it has the activation {name}")
        return self.node(operators[name], value)

    def windows(self, size: str) -> dict[str, Any]:
        """Return size, steps and padding of a layer that slides a window over its picture."""
        kept = {"kernel_shape": list(self.config[size]), "strides": list(self.config["strides"])}
        padding = {"same": "SAME_UPPER", "valid": "VALID"}[self.config["padding"]]
        return {**kept, "auto_pad": padding}


def _convolution(layer: Layer, given: Sequence[str]) -> str:
    config = layer.config
    kernel = layer.weights[0].transpose(3, 2, 0, 1)
    if list(config.get("dilation_rate", (1, 1))) != [1, 1]:
        raise NotConvertibleError("it has a dilated convolution")
    constants = [layer.constant(array) for array in (kernel, *layer.weights[1:])]
    groups = int(config.get("groups") or 1)
    return layer.activated(layer.node("Conv", given[0], *constants, group=groups, **layer.windows("kernel_size")))


def _depthwise(layer: Layer, given: Sequence[str]) -> str:
    height, width, channels, times = layer.weights[0].shape
    kernel = layer.weights[0].transpose(2, 3, 0, 1).reshape(channels * times, 1, height, width)
    constants = [layer.constant(array) for array in (kernel, *layer.weights[1:])]
    return layer.activated(layer.node("Conv", given[0], *constants, group=channels, **layer.windows("kernel_size")))


def _dense(layer: Layer, given: Sequence[str]) -> str:
    if layer.rank != 2:
        raise NotConvertibleError("it has a dense layer over pictures")
    value = layer.node("MatMul", given[0], layer.constant(layer.weights[0]))
    for bias in layer.weights[1:]:
        value = layer.node("Add", value, layer.constant(bias))
    return layer.activated(value)


def _normalisation(layer: Layer, given: Sequence[str]) -> str:
    config, weights = layer.config, list(layer.weights)
    axis = config["axis"][0] if isinstance(config["axis"], Sequence) else config["axis"]
    if axis not in (-1, layer.rank - 1):
        raise NotConvertibleError("it normalises along another axis than the channels")
    gamma = weights.pop(0) if config["scale"] else None
    beta = weights.pop(0) if config["center"] else None
    mean, variance = weights
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance.astype(np.float64) + config["epsilon"])
    offset = (0.0 if beta is None else beta) - mean * scale
    shape = (-1, 1, 1) if layer.rank == 4 else (-1,)
    value = layer.node("Mul", given[0], layer.constant(np.reshape(scale, shape)))
    return layer.node("Add", value, layer.constant(np.reshape(offset, shape)))


def _relu(layer: Layer, given: Sequence[str]) -> str:
    config = layer.config
    if config.get("negative_slope") or config.get("threshold"):
        raise NotConvertibleError("it has a ReLU that leaks")
    if config.get("max_value") is None:
        return layer.node("Relu", given[0])
    return layer.node("Clip", given[0], layer.constant(0.0), layer.constant(config["max_value"]))


def _prelu(layer: Layer, given: Sequence[str]) -> str:
    slope = layer.weights[0]
    if layer.rank == 4:
        slope = slope.transpose(2, 0, 1)
    return layer.builder.prelu(given[0], slope)


def _pooling(operator: str) -> Callable[[Layer, Sequence[str]], str]:
    return lambda layer, given: layer.node(operator, given[0], **layer.windows("pool_size"))


def _global_pooling(operator: str) -> Callable[[Layer, Sequence[str]], str]:
    def translate(layer: Layer, given: Sequence[str]) -> str:
        value = layer.node(operator, given[0])
        return value if layer.config.get("keepdims") else layer.node("Flatten", value)

    return translate


def _cropping(layer: Layer, given: Sequence[str]) -> str:
    (top, bottom), (left, right) = layer.config["cropping"]
    ends = [np.iinfo(np.int64).max if not cut else -cut for cut in (bottom, right)]
    bounds = (layer.builder.constant(np.array(values, np.int64)) for values in ([top, left], ends, [2, 3]))
    return layer.node("Slice", given[0], *bounds)


def _padding(layer: Layer, given: Sequence[str]) -> str:
    (top, bottom), (left, right) = layer.config["padding"]
    ends = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    return layer.node("Pad", given[0], layer.builder.constant(ends))


def _reshape(layer: Layer, given: Sequence[str]) -> str:
    target = tuple(layer.config["target_shape"])
    if target[:2] != (1, 1) or len(target) != 3:
        raise NotConvertibleError(f"it reshapes to {target}")
    return layer.node("Reshape", given[0], layer.builder.constant(np.array([0, -1, 1, 1], np.int64)))


def _flatten(layer: Layer, given: Sequence[str]) -> str:
    return layer.node("Flatten", layer.node("Transpose", given[0], perm=[0, 2, 3, 1]))


def _concatenation(layer: Layer, given: Sequence[str]) -> str:
    if layer.config["axis"] not in (-1, layer.rank - 1):
        raise NotConvertibleError("it joins along another axis than the channels")
    return layer.node("Concat", *given, axis=1)


def _product(layer: Layer, given: Sequence[str]) -> str:
    value = given[0]
    for other in given[1:]:
        value = layer.node("Mul", value, other)
    return value


def _rescaling(layer: Layer, given: Sequence[str]) -> str:
    value = layer.node("Mul", given[0], layer.constant(layer.config["scale"]))
    return layer.node("Add", value, layer.constant(layer.config["offset"]))


TRANSLATIONS: Mapping[str, Callable[[Layer, Sequence[str]], str]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2D": _depthwise,
    "Dense": _dense,
    "BatchNormalization": _normalisation,
    "ReLU": _relu,
    "PReLU": _prelu,
    "Activation": lambda layer, given: layer.activated(given[0]),
    "MaxPooling2D": _pooling("MaxPool"),
    "AveragePooling2D": _pooling("AveragePool"),
    "GlobalAveragePooling2D": _global_pooling("GlobalAveragePool"),
    "GlobalMaxPooling2D": _global_pooling("GlobalMaxPool"),
    "Cropping2D": _cropping,
    "ZeroPadding2D": _padding,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Concatenate": _concatenation,
    "Multiply": _product,
    "Rescaling": _rescaling,
}
"""Kind of layer to its translation, which is given the inputs' names and returns the output's."""
