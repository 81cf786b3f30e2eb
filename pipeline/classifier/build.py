"""Builds, trains and calibrates the network. Imports TensorFlow: the server leaves this to `worker`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from pipeline.classifier.fitting import Fitting
from pipeline.classifier.options import Options
from pipeline.classifier.strangers import Doubles, Strangers
from pipeline.types import Counts, Floats

STRANGERS, CALIBRATING = 3000, 10_000
"""Strangers who are drawn to train on, and to calibrate with."""
COPIES = 8
"""Variants of each face to train on: it and its person's mean, moved as photos of one person differ."""
MOST_ROWS = 6000
"""Variants of all faces together; with many faces each has fewer."""
HELD_OUT = 5
"""Every so many-th face of a user validates."""
_ROUNDS, _LEAST = 5, 1e-15


@dataclass(frozen=True)
class Validation:
    """What the faces that were held out say: how many were recognised, and which share of fresh strangers was."""

    faces: int
    recognised: int
    stranger_rate: float


@dataclass(frozen=True, eq=False)
class Crowd:
    """Drawn strangers, (n, d) each: those who are learnt, those whom the biases are set by, and those who validate."""

    learnt: Floats
    calibrating: Floats
    validating: Floats


def train(
    users: Sequence[Floats], strangers: Strangers, options: Options, seed: int, progress: Callable[[float], None]
) -> tuple[Any, Validation]:
    """Return the trained network and its validation. `users` are each user's faces, (m, d) as `joined` makes them.

    The same arguments give the same weights. First every fifth face is held out and judged, then all are learnt.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    generator = np.random.default_rng(seed)
    crowd = _crowd(strangers, seed)
    held = [faces[HELD_OUT - 1 :: HELD_OUT] for faces in users]
    learnt = [np.delete(faces, np.s_[HELD_OUT - 1 :: HELD_OUT], axis=0) for faces in users]
    network = _network(len(users), strangers, options)
    finishing = max(1, options.epochs // 3)
    fitting = Fitting(network, options, options.epochs + finishing, progress)
    fitting.fit(*_table(learnt, crowd, strangers, generator), options.epochs, generator)
    calibrate(network, strangers.deviations, crowd.calibrating)
    validation = _validated(network, held, crowd.validating)
    fitting.fit(*_table(users, crowd, strangers, generator), finishing, generator)
    calibrate(network, strangers.deviations, crowd.calibrating)
    return network, validation


@lru_cache(maxsize=2)
def _crowd(strangers: Strangers, seed: int) -> Crowd:
    """Draw strangers; one training after the other learns from the same ones."""
    generator = np.random.default_rng([seed, 1])
    return Crowd(*(strangers.draw(count, generator) for count in (STRANGERS, CALIBRATING, CALIBRATING)))


def _network(users: int, strangers: Strangers, options: Options) -> Any:
    """Build it from layers that the guarded loader allows; the last class is "unknown"."""
    import keras
    from keras import layers, regularizers

    size = len(strangers.mean)
    given = layers.Input((size,), name="embeddings")
    scaled = layers.BatchNormalization(trainable=False, epsilon=0.0, scale=False, center=False, name="scale")
    tensor = scaled(given)
    if options.hidden_units:
        hidden = layers.Dense(options.hidden_units, activation="relu", kernel_regularizer=regularizers.L2(1e-4))
        tensor = hidden(tensor)
    if options.dropout:
        tensor = layers.Dropout(options.dropout)(tensor)
    start = "glorot_uniform" if options.hidden_units else "zeros"
    last = layers.Dense(
        users + 1, kernel_initializer=start, kernel_regularizer=regularizers.L2(options.l2), name="classes"
    )
    network = keras.Model(given, layers.Softmax(name="chance")(last(tensor)), name="facehash")
    scaled.set_weights([strangers.mean, np.diag(strangers.total)])
    return network


def _table(
    users: Sequence[Floats], crowd: Crowd, strangers: Strangers, generator: np.random.Generator
) -> tuple[Floats, Counts]:
    """Return rows to learn from, (n, d), and the class of each, (n,)."""
    copies = max(1, min(COPIES, MOST_ROWS // max(1, sum(map(len, users)))))
    rows, classes = [crowd.learnt], [np.full(len(crowd.learnt), len(users), np.int64)]
    for at, faces in enumerate(users):
        near = np.repeat((faces + faces.mean(axis=0)) / 2, copies, axis=0)
        moved = near + strangers.moves(len(near), generator)
        rows += [faces, strangers.unit(moved)]
        classes.append(np.full(len(faces) + len(near), at, np.int64))
    return np.concatenate(rows), np.concatenate(classes)


def calibrate(network: Any, deviations: float, strangers: Floats) -> None:
    """Move the classes' biases so that a user's chance exceeds one half only beyond strangers' reach.

    That is so many standard deviations above the mean of the log-odds of these strangers, (n, d). Each bias moves its
    own user's odds by as much and the others' hardly, so that a few rounds settle all.
    """
    last = network.get_layer("classes")
    kernel, bias = last.get_weights()
    outputs = logits(network, strangers)
    for _ in range(_ROUNDS):
        odds = log_odds(outputs)
        moved = odds.mean(axis=0) + deviations * odds.std(axis=0)
        bias[:-1] -= moved
        outputs[:, :-1] -= moved
    last.set_weights([kernel, bias])


def logits(network: Any, rows: Floats) -> Doubles:
    """Return what goes into the softmax, (n, users + 1)."""
    import keras

    inner = keras.Model(network.inputs[0], network.get_layer("classes").output)
    return np.asarray(inner(rows, training=False), np.float64)


def log_odds(outputs: Doubles) -> Doubles:
    """Return the natural logarithm of each user's chance over that of all else, (n, users), from `logits`."""
    chances = outputs - np.logaddexp.reduce(outputs, axis=1, keepdims=True)
    rest = np.log(np.maximum(1.0 - np.exp(chances[:, :-1]), _LEAST))
    odds: Doubles = chances[:, :-1] - rest
    return odds


def _validated(network: Any, held: Sequence[Floats], strangers: Floats) -> Validation:
    faces, recognised = 0, 0
    for at, rows in enumerate(held):
        if len(rows):
            chances = np.asarray(network(rows, training=False))
            faces, recognised = faces + len(rows), recognised + int((chances[:, at] > 0.5).sum())
    fresh = np.asarray(network(strangers, training=False))
    return Validation(faces, recognised, float((fresh[:, :-1] > 0.5).mean()))
