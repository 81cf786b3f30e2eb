"""The network and its fitting, with Keras: an epoch is one call of TensorFlow, as a step takes less than a call."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from pipeline.classifier.options import Options
from pipeline.classifier.strangers import Strangers
from pipeline.types import Counts, Doubles, Floats

_SLOTS = 32
"""The classes of a network to fit are a multiple of this, so that one traced function serves keys of many sizes."""
_NEVER = np.float32(-1e9)
"""The bias of a class to spare: its chance is exactly 0, and so are its gradients."""


@dataclass(frozen=True, eq=False)
class Layers:
    """What a network computes: embeddings are scaled, pass a hidden layer where there is one, and give the classes.

    `mean` and `variance` are (d,); `dense` holds kernel (n, m) and bias (m,) of each dense layer, in their order.
    """

    mean: Floats
    variance: Floats
    dense: list[Floats]

    def logits(self, rows: Floats) -> Doubles:
        """Return what goes into the softmax, (n, classes), of embeddings (n, d)."""
        *hidden, kernel, bias = self.dense
        values = (rows - self.mean) / np.sqrt(self.variance)
        if hidden:
            values = np.maximum(values @ hidden[0] + hidden[1], 0)
        return (values @ kernel + bias).astype(np.float64)


def network_of(size: int, classes: int, options: Options) -> Any:
    """Build it for embeddings of this size, of layers that the guarded loader allows; the last one is named chance."""
    from keras import Model, layers
    from keras.regularizers import L2

    start = "glorot_uniform" if options.hidden_units else "zeros"
    stack = [layers.BatchNormalization(trainable=False, epsilon=0.0, scale=False, center=False, name="scale")]
    if options.hidden_units:
        stack.append(layers.Dense(options.hidden_units, activation="relu", kernel_regularizer=L2(1e-4)))
    if options.dropout:
        stack.append(layers.Dropout(options.dropout))
    stack.append(layers.Dense(classes, kernel_initializer=start, kernel_regularizer=L2(options.l2), name="classes"))
    given = tensor = layers.Input((size,), name="embeddings")
    for layer in (*stack, layers.Softmax(name="chance")):
        tensor = layer(tensor)
    return Model(given, tensor, name="facehash")


def finishing(options: Options) -> int:
    """Return the epochs in which the faces that were held out are learnt as well."""
    return max(1, options.epochs // 3)


class Fitting:
    """Fits a network by Adam to one table after the other; the rate falls over all epochs, as a cosine does.

    `layers` is what it has learnt so far.
    """

    def __init__(
        self, strangers: Strangers, classes: int, options: Options, seed: int, progress: Callable[[float], None]
    ) -> None:
        self._options, self._progress, self._done = options, progress, 0
        self._epochs = options.epochs + finishing(options)
        self._learner = _learner(len(strangers.mean), -(-classes // _SLOTS) * _SLOTS, options, seed)
        self._learner.begin()
        self.layers = Layers(strangers.mean, np.diag(strangers.total), self._learner.dense(classes))
        self._learner.put(self.layers)

    def fit(self, rows: Floats, classes: Counts, epochs: int, generator: np.random.Generator) -> None:
        """Go over the rows (n, d) and their classes (n,) so many times, in another order each time."""
        batch = min(self._options.batch_size, len(rows))
        steps = -(-len(rows) // batch)
        for _ in range(epochs):
            self._progress(self._done / self._epochs)
            rate = self._options.learning_rate * (0.02 + 0.98 * np.cos(np.pi / 2 * self._done / self._epochs))
            order = np.resize(generator.permutation(len(rows)), (steps, batch))
            self._learner.learn(rows, classes, order, float(rate))
            self._done += 1
        self.layers.dense[:] = self._learner.dense(len(self.layers.dense[-1]))


class _Learner:
    """A Keras network with classes to spare, and the function that learns an epoch, traced once."""

    def __init__(self, size: int, classes: int, options: Options, seed: int) -> None:
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(seed)
        tf.config.experimental.enable_op_determinism()
        self._network = network_of(size, classes, options)
        self._optimizer = keras.optimizers.Adam()
        self._optimizer.build(self._network.trainable_variables)
        self._state = [*self._network.variables, *self._optimizer.variables]
        self._start = [variable.numpy() for variable in self._state]
        self._epoch = _epoch_of(self._network, self._optimizer)

    def begin(self) -> None:
        """Forget everything, also how often chance was asked."""
        for variable, value in zip(self._state, self._start, strict=True):
            variable.assign(value)

    def put(self, layers: Layers) -> None:
        """Go on from these layers."""
        *hidden, kernel, bias = layers.dense
        spare = self._network.output.shape[1] - len(bias)
        wide = np.pad(kernel, ((0, 0), (0, spare))), np.pad(bias, (0, spare), constant_values=_NEVER)
        self._network.set_weights([layers.mean, layers.variance, *hidden, *wide])

    def dense(self, classes: int) -> list[Floats]:
        """Return kernel and bias of each dense layer, the last with this many classes."""
        *hidden, kernel, bias = [variable.numpy() for variable in self._network.trainable_variables]
        return [*hidden, kernel[:, :classes], bias[:classes]]

    def learn(self, rows: Floats, classes: Counts, order: Counts, rate: float) -> None:
        """Make a step for each row of `order`, (steps, batch), which names the rows of a batch."""
        self._optimizer.learning_rate.assign(rate)
        self._epoch(rows, classes, order)


@lru_cache(maxsize=2)
def _learner(size: int, classes: int, options: Options, seed: int) -> _Learner:
    return _Learner(size, classes, options, seed)


def _epoch_of(network: Any, optimizer: Any) -> Callable[..., object]:
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

    shapes = [tf.TensorSpec((None, int(network.inputs[0].shape[1])), tf.float32)]
    shapes += [tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None, None), tf.int64)]
    run: Callable[..., object] = tf.function(epoch, input_signature=shapes, autograph=False)
    return run
