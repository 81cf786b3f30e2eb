"""Fits a network: an epoch is one call of TensorFlow, since a step of so small a network takes less than a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.classifier.options import Options
from pipeline.types import Counts, Floats


class Fitting:
    """Fits a network to one table after the other; the learning rate falls over all epochs, as a cosine does."""

    def __init__(self, network: Any, options: Options, epochs: int, progress: Callable[[float], None]) -> None:
        import keras

        self._options, self._epochs, self._progress, self._done = options, epochs, progress, 0
        self._optimizer = keras.optimizers.Adam(options.learning_rate)
        self._optimizer.build(network.trainable_variables)
        self._epoch = _epoch_of(network, self._optimizer)

    def fit(self, rows: Floats, classes: Counts, epochs: int, generator: np.random.Generator) -> None:
        """Go over the rows (n, d) and their classes (n,) so many times, in another order each time."""
        import tensorflow as tf

        table = tf.constant(rows), tf.constant(classes)
        batch = min(self._options.batch_size, len(rows))
        steps = -(-len(rows) // batch)
        for _ in range(epochs):
            self._progress(self._done / self._epochs)
            self._optimizer.learning_rate.assign(self._rate())
            order = np.resize(generator.permutation(len(rows)), (steps, batch))
            self._epoch(*table, tf.constant(order))
            self._done += 1

    def _rate(self) -> float:
        share = np.cos(np.pi / 2 * self._done / self._epochs)
        return float(self._options.learning_rate * (0.02 + 0.98 * share))


def _epoch_of(network: Any, optimizer: Any) -> Callable[..., object]:
    """Return the function that makes a step for each row of its third argument, which names the rows of a batch.

    It is traced once, for tables of any length.
    """
    import keras
    import tensorflow as tf

    variables = network.trainable_variables

    def step(rows: Any, classes: Any) -> None:
        with tf.GradientTape() as tape:
            losses = keras.losses.sparse_categorical_crossentropy(classes, network(rows, training=True))
            loss = tf.reduce_mean(losses) + sum(network.losses)
        optimizer.apply(tape.gradient(loss, variables), variables)

    def epoch(rows: Any, classes: Any, order: Any) -> None:
        def one(at: Any) -> tuple[Any]:
            step(tf.gather(rows, order[at]), tf.gather(classes, order[at]))
            return (at + 1,)

        tf.while_loop(lambda at: at < tf.shape(order)[0], one, (tf.constant(0),))

    shapes = (
        tf.TensorSpec((None, int(network.inputs[0].shape[1])), tf.float32),
        tf.TensorSpec((None,), tf.int64),
        tf.TensorSpec((None, None), tf.int64),
    )
    run: Callable[..., object] = tf.function(epoch, input_signature=shapes, autograph=False)
    return run
