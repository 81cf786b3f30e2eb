"""The liveness network: fixed layers that measure the face in two ways, and small trained heads that weigh that.

There are few sources to learn from, so only the heads are trained. They weigh

- **texture**: shares counted by filters of our own (`texture`), and
- **stages**: the mean and the mean square of every channel at the end of every stage of MiniFASNetV2: how often and
  how strongly each of its filters answers, wherever in the face. MiniFASNet was trained to look at a small face in
  its surroundings; here the face alone fills its input, so that its early stages see skin and screens closely, and
  its own verdict is not asked for.

A camera that shifts one measurement rarely shifts the other likewise, so each head weighs one of them, and heads of
several kinds vote. Plain Keras layers throughout: the file loads anywhere without code of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.models.liveness.card import View
from pipeline.models.liveness.fasnet import SIZE
from pipeline.types import Floats
from tools.training.backbone import copied
from tools.training.texture import texture

VIEWS = (View(size=112, scale=1.15, fill=0), View(size=SIZE, scale=1.0, fill=0, square=False))
"""The face with little around it, for its texture, and its box alone, stretched to a square, for the stages."""
COLOUR, FACTOR, OFFSET = "BGR", 1.0, 0.0
"""As MiniFASNet was trained."""
COLUMNS = ("live", "screen", "print", "drawing")


@dataclass(frozen=True)
class HeadKind:
    """What a head weighs, by its place among the measurements, through how many hidden units: 0 is a linear head."""

    part: int
    hidden: int


TEXTURE, STAGES = 0, 1
HEADS = (HeadKind(TEXTURE, 32), HeadKind(STAGES, 32), HeadKind(STAGES, 0))


def build_statistics(network: Any) -> Any:
    """Build the fixed part around MiniFASNet: both views, BGR from 0 to 255, to both measurements (n, k)."""
    import keras
    from keras import layers

    face = layers.Input((VIEWS[0].size, VIEWS[0].size, 3), name="face")
    box, stages = copied(network)
    pooled = []
    for at, stage in enumerate(stages):
        square = layers.Multiply(name=f"square_{at}")([stage, stage])
        pooled += [
            layers.GlobalAveragePooling2D(name=f"mean_{at}")(stage),
            layers.GlobalAveragePooling2D(name=f"mean_square_{at}")(square),
        ]
    measured = [texture(face), layers.Concatenate(name="stages")(pooled)]
    return keras.Model([face, box], measured, name="statistics")


def widths(statistics: Any) -> tuple[int, ...]:
    """Return how many numbers each measurement has."""
    return tuple(int(output.shape[-1]) for output in statistics.outputs)


def build_head(kind: HeadKind, mean: Floats, spread: Floats, seed: int) -> Any:
    """Build one trainable head: a measurement (n, k) to a softmax over `COLUMNS`; `mean` and `spread` scale it."""
    import keras
    from keras import layers, regularizers

    keras.utils.set_random_seed(seed)
    given = layers.Input((len(mean),))
    tensor = layers.BatchNormalization(trainable=False, epsilon=0.0, scale=False, center=False)(given)
    tensor = layers.ReLU(max_value=12.0)(layers.Rescaling(1.0, 6.0)(tensor))
    tensor = layers.Rescaling(1.0, -6.0)(tensor)
    tensor = layers.Dropout(0.3)(tensor)
    if kind.hidden:
        tensor = layers.Dense(kind.hidden, activation="relu", kernel_regularizer=regularizers.L2(1e-3))(tensor)
        tensor = layers.Dropout(0.3)(tensor)
    begin = "glorot_uniform" if kind.hidden else "zeros"
    last = regularizers.L2(1e-3 if kind.hidden else 1e-2)
    output = layers.Dense(len(COLUMNS), "softmax", kernel_initializer=begin, kernel_regularizer=last)(tensor)
    head = keras.Model(given, output, name=f"head_{kind.part}_{kind.hidden}_{seed}")
    normalisation = next(layer for layer in head.layers if isinstance(layer, layers.BatchNormalization))
    normalisation.set_weights([mean, np.square(spread)])
    return head


def assemble(statistics: Any, heads: Sequence[tuple[HeadKind, Any]]) -> Any:
    """Put the fixed part and the heads together: both views to the mean of the heads' softmax."""
    import keras
    from keras import layers

    views = [layers.Input((one.size, one.size, 3), name=name) for one, name in zip(VIEWS, ("face", "box"), strict=True)]
    measured = statistics(views)
    votes = [head(measured[kind.part]) for kind, head in heads]
    output = layers.Average(name="kind")(votes) if len(votes) > 1 else votes[0]
    return keras.Model(views, output, name="liveness")
