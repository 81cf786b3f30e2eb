"""The part of the liveness network that looks at the face with what is around it.

It learns from its teachers on every picture at hand, and from the labels of clips, crops and made pictures. Each view
is brought to one mean and one spread first, so that neither a dark nor a pale photo is an attack for that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.card import View
from pipeline.types import Floats
from tools.cli.options import batches
from tools.training.lessons import Bytes, Lessons
from tools.training.teachers import TEACHERS

AROUND_VIEW = View(size=80, scale=2.7, inside=True)
LESSON_VIEW = View(size=96, scale=2.7, inside=True)
"""The same view with more pixels: parts of it are drawn for training."""
WIDTHS = ((16, 24), (32, 48), (64, 96), (96,))
"""Channels of each convolution; every stage halves the picture first."""
OUTPUTS = (*TEACHERS, "truth")
SCALE = np.float32(3.0)
"""What one unit of the trunk's outputs is in log-odds."""
_LEAST_PART = 0.84
_TINT = 0.12
"""Spread of the logarithm of each colour's gamma: cameras and lamps tint faces more than the photos at hand show."""
_COARSE = 40
_SMOOTHING = 0.04
_LABELS = 0.5


@dataclass(frozen=True)
class TrunkPlan:
    """How long and how fast the trunk is trained."""

    steps: int = 1500
    batch: int = 64
    rate: float = 2e-3
    seed: int = 1


def build_trunk(seed: int) -> Any:
    """Build the trunk: the view, RGB from 0 to 255 (n, 80, 80, 3), to `OUTPUTS` in units of 3 log-odds (n, 4)."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    around = layers.Input((AROUND_VIEW.size, AROUND_VIEW.size, 3), name="around")
    tensor = layers.GroupNormalization(1, center=False, scale=False, epsilon=30.0, name="even")(around)
    for stage, channels in enumerate(WIDTHS):
        for place, width in enumerate(channels):
            tensor = _convolved(tensor, width, 2 if place == 0 else 1, f"around_{stage}_{place}")
    places = layers.DepthwiseConv2D(int(tensor.shape[1]), use_bias=False, name="places")(tensor)
    seen = [
        layers.BatchNormalization(momentum=0.97, name="places_level")(layers.Flatten(name="places_seen")(places)),
        layers.GlobalMaxPooling2D(name="strongest")(tensor),
    ]
    joined = layers.Dropout(0.3, name="seen_in_part")(layers.Concatenate(name="seen")(seen))
    return keras.Model(around, layers.Dense(len(OUTPUTS), name="lessons")(joined), name="trunk")


def _convolved(tensor: Any, width: int, stride: int, name: str) -> Any:
    from keras import layers

    tensor = layers.Conv2D(width, 3, stride, "same", use_bias=False, name=name)(tensor)
    tensor = layers.BatchNormalization(momentum=0.97, name=f"{name}_level")(tensor)
    return layers.ReLU(name=f"{name}_on")(tensor)


def train_trunk(lessons: Lessons, shares: npt.NDArray[np.float64], plan: TrunkPlan, say: Callable[[str], None]) -> Any:
    """Train a trunk on lessons drawn with `shares` (n,); the same plan gives the same trunk."""
    import keras
    import tensorflow as tf

    trunk = build_trunk(plan.seed)
    optimizer = keras.optimizers.AdamW(plan.rate, weight_decay=2e-3)
    variables = trunk.trainable_variables
    optimizer.build(variables)

    @tf.function(autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def update(around: Any, parts: Any, tones: Any, soft: Any, odds: Any, attack: Any, weight: Any) -> Any:
        view = _softened(_varied(around, parts, tones), soft)
        with tf.GradientTape() as tape:
            told = trunk(view, training=True)
            apart = tf.abs(told[:, : len(TEACHERS)] - odds / SCALE)
            taught = tf.reduce_mean(tf.where(apart < 1, apart**2 / 2, apart - 0.5))
            truth = attack * (1 - _SMOOTHING) + _SMOOTHING / 2
            known = tf.nn.sigmoid_cross_entropy_with_logits(truth, told[:, -1] * SCALE)
            labelled = tf.reduce_sum(known * weight) / tf.reduce_sum(weight)
            total = taught + _LABELS * labelled
        optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        return tf.stack([taught, labelled])

    losses = []
    for step, batch in zip(range(plan.steps), _batches(lessons, shares, plan), strict=False):
        optimizer.learning_rate.assign(_rate(plan, step))
        losses.append(update(*batch).numpy())
        if step % 100 == 99:
            taught, labelled = np.mean(losses[-100:], axis=0)
            say(f"trunk: step {step + 1} of {plan.steps}, {taught:.3f} from the teachers, {labelled:.3f} from labels")
    return trunk


def trunk_outputs(trunk: Any, around: Bytes) -> Floats:
    """Return log-odds in the order of `OUTPUTS` (n, 4) for views in RGB."""
    rows = [np.asarray(trunk(np.stack(part).astype(np.float32), training=False)) for part in batches(around, 128)]
    return np.asarray(np.concatenate(rows) * SCALE, dtype=np.float32)


def _rate(plan: TrunkPlan, step: int) -> float:
    """Return the learning rate: up over 60 steps, then down as a cosine."""
    return plan.rate * min(1.0, (step + 1) / 60) * 0.5 * (1 + float(np.cos(np.pi * step / plan.steps)))


def _varied(around: Any, parts: Any, tones: Any) -> Any:
    """Return a part of each view, maybe mirrored, with another gamma for each colour (n, 3): another tint too."""
    import tensorflow as tf

    size = (AROUND_VIEW.size, AROUND_VIEW.size)
    view = tf.image.crop_and_resize(tf.cast(around, tf.float32), parts, tf.range(tf.shape(around)[0]), size)
    return 255 * tf.pow(tf.maximum(view / 255, 1e-3), tones[:, None, None, :])


def _softened(view: Any, soft: Any) -> Any:
    """Mix each view with a coarse copy of itself, by `soft` (n,) of 0 to 1: a small or unsharp face is no attack."""
    import tensorflow as tf

    coarse = tf.image.resize(view, (_COARSE, _COARSE), antialias=True)
    coarse = tf.image.resize(coarse, (AROUND_VIEW.size, AROUND_VIEW.size), tf.image.ResizeMethod.BICUBIC)
    return view + soft[:, None, None, None] * (coarse - view)


def _batches(lessons: Lessons, shares: npt.NDArray[np.float64], plan: TrunkPlan) -> Iterator[tuple[Any, ...]]:
    rng, count = np.random.default_rng(plan.seed), plan.batch
    reached = np.cumsum(shares)
    while True:
        rows = np.minimum(np.searchsorted(reached, rng.random(count)), len(shares) - 1)
        side = rng.uniform(_LEAST_PART, 1, count)
        top, left = rng.random((2, count)) * (1 - side)
        turned = rng.random(count) < 0.5
        ends = np.where(turned, left + side, left), np.where(turned, left, left + side)
        parts = np.stack([top, ends[0], top + side, ends[1]], axis=1).astype(np.float32)
        tones = np.exp(rng.normal(0, 0.25, (count, 1)) + rng.normal(0, _TINT, (count, 3))).astype(np.float32)
        soft = np.maximum(rng.uniform(-1, 1, count), 0).astype(np.float32)
        yield lessons.around[rows], parts, tones, soft, lessons.odds[rows], lessons.attack[rows], lessons.weight[rows]
