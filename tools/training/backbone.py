"""The fixed part of the liveness network: MiniFASNet's layers, copied into plain Keras ones that are not trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.models.liveness.fasnet import SIZE, load_networks

STAGES = ("conv_23_", "conv_3_", "conv_34_", "conv_4_", "conv_45_", "conv_5_")
"""The network's stages, by the beginning of their layers' names: each is looked at where it ends."""
_COPIED = (
    "name", "padding", "filters", "kernel_size", "strides", "use_bias", "depth_multiplier", "axis",
    "epsilon", "center", "scale", "shared_axes",
)  # fmt: skip
"""What a layer of Keras 2 and its counterpart of Keras 3 have in common, as far as MiniFASNet's layers use it."""


def pretrained(weights: Path) -> Any:
    """Return Fasnet's first network (MiniFASNetV2, Apache-2.0) from the folder `weights`, as DeepFace builds it.

    Raises `Refusal(Code.NO_LIVENESS)` naming the file that is missing or not the expected one.
    """
    return load_networks(weights)[0]


def copied(network: Any) -> tuple[Any, list[Any]]:
    """Copy MiniFASNet up to the end of its last stage; return its input (n, 80, 80, 3) and every stage's end.

    The copies are layers of Keras 3, whatever Keras the network was built with: what is saved must be loaded without
    code of DeepFace's or ours.
    """
    from keras import layers

    box = layers.Input((SIZE, SIZE, 3), name="box")
    made = {network.layers[0].name: box}
    for layer in _until_last_stage(network):
        given = [made[parent.layer.name] for parent in layer.inbound_nodes[0].parent_nodes]
        copy = _counterpart(layer)
        made[layer.name] = copy(given if len(given) > 1 else given[0])
        copy.set_weights(layer.get_weights())
    return box, [made[_end_of(network, stage)] for stage in STAGES]


def _until_last_stage(network: Any) -> Iterator[Any]:
    end = _end_of(network, STAGES[-1])
    for layer in network.layers[1:]:
        yield layer
        if layer.name == end:
            return


def _end_of(network: Any, stage: str) -> str:
    return [str(layer.name) for layer in network.layers if layer.name.startswith(stage)][-1]


def _counterpart(layer: Any) -> Any:
    from keras import layers

    config = layer.get_config()
    kept = {key: _plain(config[key]) for key in _COPIED if key in config}
    return getattr(layers, type(layer).__name__)(trainable=False, **kept)


def _plain(value: Any) -> Any:
    """Undo the wrapper that Keras 2 puts around lists; a normalisation's axis is one number in Keras 3."""
    if not isinstance(value, list):
        return value
    return value[0] if len(value) == 1 else list(value)
