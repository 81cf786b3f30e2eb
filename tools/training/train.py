"""Trains the liveness heads: once for every left-out source, then once on all of them.

How long to train is decided where it can be seen: on sources that were not trained on. The shipped heads are then
trained on everything for that many epochs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.judge import DECISIVE
from pipeline.types import Floats
from tools.training.network import HEADS, KINDS, build_head
from tools.training.samples import LIVE
from tools.training.scene import Rng

Weights = npt.NDArray[np.float64]
DRAWING = KINDS.index("drawing")
_SMOOTHING = 0.94
_LEAST_SPREAD = np.float32(1e-5)


@dataclass(frozen=True)
class Plan:
    """How long and how fast: at most `epochs` of `steps` batches of `batch` faces; `heads` of every kind vote."""

    epochs: int = 3
    steps: int = 50
    batch: int = 256
    rate: float = 3e-3
    patience: int = 3
    heads: int = 2
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Table:
    """Measured faces: shares (n, k), which outputs are right (n, kinds), and the group of each (n,)."""

    statistics: Floats
    allowed: Floats
    groups: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Fold:
    """A trained fold: attack probabilities (epochs, n) of the left-out faces, and both losses by epoch."""

    scores: Floats
    trained: tuple[float, ...]
    left_out: tuple[float, ...]


def train_fold(table: Table, weights: Weights, watched: Floats, judged: Table, plan: Plan) -> Fold:
    """Train on `table`, groups drawn with `weights`, and judge after each epoch.

    The loss is taken on `judged`, the left-out source; `watched` are statistics (n, k) of whatever else shall be
    scored; `scores` holds the judged faces and then the watched ones. Stops when the loss on the left-out source
    has not fallen for `plan.patience` epochs.
    """
    faces = np.concatenate([judged.statistics, watched])
    scores: list[Floats] = []
    trained: list[float] = []
    losses: list[float] = []
    for heads, loss in _epochs(table, weights, plan):
        scores.append(attack_scores(heads, faces))
        trained.append(loss)
        losses.append(balanced_loss(scores[-1][: len(judged.allowed)], judged.allowed))
        if len(losses) - 1 - int(np.argmin(losses)) >= plan.patience:
            break
    return Fold(np.stack(scores), tuple(trained), tuple(losses))


def train_all(table: Table, weights: Weights, epochs: int, plan: Plan) -> tuple[list[Any], list[float]]:
    """Train on everything for `epochs` epochs; return the heads and the loss of each epoch."""
    losses = []
    for heads, loss in _epochs(table, weights, plan):
        losses.append(loss)
        if len(losses) == epochs:
            return heads, losses
    raise ValueError(f"{epochs} epochs are more than the plan's {plan.epochs}")


def attack_scores(heads: Sequence[Any], statistics: Floats) -> Floats:
    """Return the raw probability of an attack (n,) as the heads vote: of a screen or print, were it no drawing.

    Where they are sure of a drawing, it is 1.
    """
    votes = [np.asarray(head(statistics, training=False)) for head in heads]
    columns = np.mean(votes, axis=0)
    drawing = columns[:, DRAWING]
    other = 1 - columns[:, LIVE] / np.maximum(1 - drawing, 1e-6)
    return np.asarray(np.where(drawing >= DECISIVE, 1, np.clip(other, 0, 1)), dtype=np.float32)


def balanced_loss(scores: Floats, allowed: Floats) -> float:
    """Return the cross-entropy in nats, bona fide and attacks weighing the same; 0.693 is chance.

    A chance of less than 5 % for the right answer counts as 5 %: one camera that is judged wrongly throughout, and
    with confidence, shall not decide alone.
    """
    live = allowed[:, LIVE] > 0
    right = np.clip(np.where(live, 1 - scores, scores), 0.05, 1)
    parts = [float(-np.log(right[chosen]).mean()) for chosen in (live, ~live) if chosen.any()]
    return float(np.mean(parts))


def best_epoch(folds: Sequence[Fold]) -> int:
    """Return how many epochs serve the left-out sources of all folds best; a stopped fold keeps its last loss."""
    longest = max(len(fold.left_out) for fold in folds)
    rows = [[*fold.left_out, *[fold.left_out[-1]] * (longest - len(fold.left_out))] for fold in folds]
    return int(np.mean(rows, axis=0).argmin()) + 1


def _epochs(table: Table, weights: Weights, plan: Plan) -> Iterator[tuple[list[Any], float]]:
    """Yield the heads and their mean loss after each epoch."""
    drawn = table.statistics[weights[table.groups] > 0]  # what scales the heads
    mean, spread = drawn.mean(axis=0), drawn.std(axis=0) + _LEAST_SPREAD
    heads = [build_head(hidden, mean, spread, plan.seed + index) for hidden in HEADS for index in range(plan.heads)]
    steps = [_step_of(head, plan) for head in heads]
    draws = [_batches(table, weights, plan.batch, np.random.default_rng(plan.seed + i)) for i in range(len(heads))]
    for epoch in range(plan.epochs):
        rate = plan.rate * 0.5 * (1 + float(np.cos(np.pi * epoch / plan.epochs)))
        losses = []
        for step, batches in zip(steps, draws, strict=True):
            for _ in range(plan.steps):
                statistics, allowed = next(batches)
                losses.append(step(statistics, allowed, rate))
        yield heads, float(np.mean(losses))


def _step_of(head: Any, plan: Plan) -> Callable[[Floats, Floats, float], float]:
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.Adam(plan.rate)
    variables = head.trainable_variables
    optimizer.build(variables)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def update(statistics: Any, allowed: Any) -> Any:
        with tf.GradientTape() as tape:
            right = tf.reduce_sum(head(statistics, training=True) * allowed, axis=-1)
            loss = -tf.reduce_mean(tf.math.log(right * _SMOOTHING + (1 - _SMOOTHING) / 2))
            total = loss + tf.add_n(head.losses)
        optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        return loss

    def step(statistics: Floats, allowed: Floats, rate: float) -> float:
        optimizer.learning_rate.assign(rate)
        return float(update(tf.constant(statistics), tf.constant(allowed)))

    return step


def _batches(table: Table, weights: Weights, size: int, rng: Rng) -> Iterator[tuple[Floats, Floats]]:
    """Yield batches for ever; `weights` says how often each group is drawn (they sum to 1)."""
    members = [np.flatnonzero(table.groups == group) for group in range(len(weights))]
    while True:
        groups = rng.choice(len(weights), size=size, p=weights)
        rows = np.array([members[group][rng.integers(len(members[group]))] for group in groups])
        yield table.statistics[rows].astype(np.float32), table.allowed[rows]
