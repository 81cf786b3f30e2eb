"""Trains and calibrates the network. Imports TensorFlow: the server leaves this to `worker`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from pipeline.classifier.fitting import Fitting, Layers, finishing
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
SPREAD = 2.0
"""Standard deviation of strangers' log-odds. With less, "unknown" is outweighed by the other users of a large key."""
_LEAST = 1e-15


@dataclass(frozen=True)
class Validation:
    """What the faces that were held out say: how many were recognised, and which share of fresh strangers was."""

    faces: int
    recognised: int
    stranger_rate: float


@dataclass(frozen=True, eq=False)
class Crowd:
    """Drawn strangers, (n, d) each: those who are learnt, those who calibrate, and those who validate."""

    learnt: Floats
    calibrating: Floats
    validating: Floats


def train(
    users: Sequence[Floats], strangers: Strangers, options: Options, seed: int, progress: Callable[[float], None]
) -> tuple[Layers, Validation]:
    """Return the trained network and its validation. `users` are each user's faces, (m, d) as `joined` makes them.

    The last class is "unknown". The same arguments give the same weights. First every fifth face is held out and
    judged, then all are learnt.
    """
    generator = np.random.default_rng(seed)
    crowd = _crowd(strangers, seed)
    held = [faces[HELD_OUT - 1 :: HELD_OUT] for faces in users]
    learnt = [np.delete(faces, np.s_[HELD_OUT - 1 :: HELD_OUT], axis=0) for faces in users]
    fitting = Fitting(strangers, len(users) + 1, options, seed, progress)
    fitting.fit(*_table(learnt, crowd, strangers, generator), options.epochs, generator)
    checked = calibrate(fitting.layers, strangers.deviations, crowd.calibrating)
    validation = _validated(checked, held, crowd.validating)
    fitting.fit(*_table(users, crowd, strangers, generator), finishing(options), generator)
    return calibrate(fitting.layers, strangers.deviations, crowd.calibrating), validation


@lru_cache(maxsize=2)
def _crowd(strangers: Strangers, seed: int) -> Crowd:
    """Draw strangers; one training after the other learns from the same ones."""
    generator = np.random.default_rng([seed, 1])
    return Crowd(*(strangers.draw(count, generator) for count in (STRANGERS, CALIBRATING, CALIBRATING)))


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


def calibrate(layers: Layers, deviations: float, strangers: Floats) -> Layers:
    """Return the network with the odds of a user against "unknown" even at so many standard deviations.

    That is above the mean of these strangers, (n, d). "Unknown" gets no direction of its own: strangers have none, and
    training leaves it the opposite of all users' together.
    """
    *hidden, kernel, bias = layers.dense
    scores = layers.logits(strangers)[:, :-1]
    scale = SPREAD / np.maximum(scores.std(axis=0), _LEAST)
    moved = (bias[:-1] - scores.mean(axis=0)) * scale - SPREAD * deviations
    last = np.pad(kernel[:, :-1] * scale, ((0, 0), (0, 1))), np.pad(moved, (0, 1))
    return replace(layers, dense=[*hidden, *(one.astype(np.float32) for one in last)])


def log_odds(outputs: Doubles) -> Doubles:
    """Return the natural logarithm of each user's chance over that of all else, (n, users), from `Layers.logits`."""
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    shares = np.exp(shifted)
    rest = shares.sum(axis=1, keepdims=True) - shares
    odds: Doubles = (shifted - np.log(np.maximum(rest, _LEAST)))[:, :-1]
    return odds


def _validated(layers: Layers, held: Sequence[Floats], strangers: Floats) -> Validation:
    found = [log_odds(layers.logits(rows))[:, at] > 0 for at, rows in enumerate(held)]
    fresh = log_odds(layers.logits(strangers)) > 0
    return Validation(sum(map(len, found)), int(sum(one.sum() for one in found)), float(fresh.mean()))
