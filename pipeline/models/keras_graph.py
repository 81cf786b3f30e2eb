"""Keras networks as ONNX graphs, so that a server that only runs them need not load TensorFlow.

What is read is a functional model's configuration, of Keras 3 or of Keras 2, and its layers' weights. Inside a graph,
pictures are (n, channels, height, width); a model's inputs and outputs keep Keras's order of axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.models.graph import GraphBuilder
from pipeline.models.keras_layers import TRANSLATIONS, Layer, NotConvertibleError

__all__ = ["NotConvertibleError", "keras_graph"]

_IDENTITIES = ("Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout")
Place = tuple[str, int, int]
"""Where a tensor comes from: a layer, the number of its call, and the number of that call's output."""
_JOINS = {"Add": "Sum", "Average": "Mean", "Maximum": "Max", "Minimum": "Min"}


def keras_graph(network: Any) -> bytes:
    """Return the graph of a loaded Keras model: float32 inputs `input0`, ... to `output0`, batches of any length.

    Raises `NotConvertibleError`.
    """
    builder = GraphBuilder("keras")
    given = []
    for number, tensor in enumerate(network.inputs):
        shape: list[int | str] = ["n", *(int(side) for side in tensor.shape[1:])]
        value = builder.input(f"input{number}", np.float32, shape)
        given.append(builder.node("Transpose", value, perm=[0, 3, 1, 2]) if len(shape) == 4 else value)
    outputs = _Network(builder, network).run(given)
    for number, (value, tensor) in enumerate(zip(outputs, network.outputs, strict=True)):
        if len(tensor.shape) != 2:
            raise NotConvertibleError("an output is not a vector")
        builder.output(value, f"output{number}", np.float32, ("n", int(tensor.shape[-1])))
    return builder.build()


class _Network:
    """One functional model, which may hold others as layers."""

    def __init__(self, builder: GraphBuilder, network: Any) -> None:
        self._builder, self._network = builder, network
        try:
            self._config: Mapping[str, Any] = network.get_config()
            self._layers: Sequence[Mapping[str, Any]] = self._config["layers"]
        except (NotImplementedError, KeyError) as error:
            raise NotConvertibleError("it is not a functional model") from error

    def run(self, given: Sequence[str]) -> list[str]:
        """Add the model's nodes for these inputs; return the outputs' names."""
        names = [place[0] for place in _places(self._config["input_layers"])]
        values = {(name, 0, 0): value for name, value in zip(names, given, strict=True)}
        for layer in self._layers:
            name = layer.get("name") or layer["config"]["name"]
            for call, node in enumerate(layer["inbound_nodes"]):
                arguments = _tensors(node)
                if not arguments or any(place not in values for place in arguments):
                    raise NotConvertibleError(f"the order of its layers is not that of the computation, at {name}")
                made = self._layer(name, layer, [values[place] for place in arguments])
                values.update({(name, call, number): value for number, value in enumerate(made)})
        return [values[place] for place in _places(self._config["output_layers"])]

    def _layer(self, name: str, layer: Mapping[str, Any], given: Sequence[str]) -> list[str]:
        kind, config = layer["class_name"], layer["config"]
        built = self._network.get_layer(name)
        if kind in ("Functional", "Model"):
            return _Network(self._builder, built).run(given)
        if kind in _IDENTITIES:
            return [given[0]]
        if kind in _JOINS:
            return [self._builder.node(_JOINS[kind], *given)]
        translate = TRANSLATIONS.get(kind)
        if translate is None:
            raise NotConvertibleError(f"it has a layer {kind}")
        if config.get("data_format", "channels_last") not in (None, "channels_last"):
            raise NotConvertibleError("its pictures have the channels first")
        arrays = [np.asarray(array, np.float32) for array in built.get_weights()]
        rank = len(getattr(built, "output").shape)  # noqa: B009 - the attribute is Keras's
        return [translate(Layer(self._builder, config, arrays, rank), given)]


def _places(layers: Any) -> list[Place]:
    """Return the places of a model's inputs or outputs; Keras 3 gives one alone without a list around it."""
    listed = [layers] if layers and isinstance(layers[0], str) else layers
    return [(str(place[0]), int(place[1]), int(place[2])) for place in listed]


def _tensors(node: Any) -> list[Place]:
    """Return the place of each tensor that a call is given, in the form of Keras 3 or Keras 2."""
    found: list[Place] = []

    def collect(part: Any) -> None:
        if isinstance(part, Mapping):
            history = part.get("config", {}).get("keras_history") if isinstance(part.get("config"), Mapping) else None
            if history:
                found.append((str(history[0]), int(history[1]), int(history[2])))
                return
            for value in part.values():
                collect(value)
        elif isinstance(part, list | tuple):
            if len(part) >= 3 and isinstance(part[0], str) and isinstance(part[1], int):
                found.append((part[0], part[1], int(part[2])))
                return
            for value in part:
                collect(value)

    collect(node["args"] if isinstance(node, Mapping) else node)
    return found
