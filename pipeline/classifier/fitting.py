"""The network's arithmetic in NumPy: a step of so small a network takes less than a call of a larger library."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.classifier.options import Options
from pipeline.classifier.strangers import Doubles
from pipeline.types import Counts, Floats

HIDDEN_L2 = 1e-4
_DECAYS, _EPSILON = (0.9, 0.999), 1e-7


@dataclass(frozen=True, eq=False)
class Layers:
    """What a network computes: embeddings are scaled, pass a hidden layer where there is one, and give the classes.

    `mean` and `variance` are (d,); `dense` holds kernel (n, m) and bias (m,) of each dense layer, in their order.
    """

    mean: Floats
    variance: Floats
    dense: list[Floats]

    def scaled(self, rows: Floats) -> Floats:
        """Return embeddings (n, d) as the first dense layer takes them."""
        return ((rows - self.mean) / np.sqrt(self.variance)).astype(np.float32, copy=False)

    def hidden(self, scaled: Floats) -> Floats:
        """Return what the last layer takes, (n, m)."""
        if len(self.dense) == 2:
            return scaled
        kernel, bias, *_ = self.dense
        hidden: Floats = np.maximum(scaled @ kernel + bias, 0)
        return hidden

    def logits(self, rows: Floats) -> Doubles:
        """Return what goes into the softmax, (n, classes), of embeddings (n, d)."""
        *_, kernel, bias = self.dense
        return (self.hidden(self.scaled(rows)) @ kernel + bias).astype(np.float64)


def layers_for(sizes: Sequence[int], mean: Floats, variance: Floats, generator: np.random.Generator) -> Layers:
    """Return a network to fit, with dense layers of these sizes: one begins at zero, of two each as Glorot draws it."""
    dense: list[Floats] = []
    for size, wide in pairwise((len(mean), *sizes)):
        reach = np.sqrt(6 / (size + wide)) if len(sizes) > 1 else 0.0
        dense += [generator.uniform(-reach, reach, (size, wide)).astype(np.float32), np.zeros(wide, np.float32)]
    return Layers(mean, variance, dense)


class Fitting:
    """Fits a network by Adam to one table after the other; the rate falls over all epochs, as a cosine does."""

    def __init__(self, layers: Layers, options: Options, epochs: int, progress: Callable[[float], None]) -> None:
        self._layers, self._options, self._epochs, self._progress = layers, options, epochs, progress
        self._moments = [(np.zeros_like(one), np.zeros_like(one)) for one in layers.dense]
        self._done = self._steps = 0

    def fit(self, rows: Floats, classes: Counts, epochs: int, generator: np.random.Generator) -> None:
        """Go over the rows (n, d) and their classes (n,) so many times, in another order each time."""
        scaled = self._layers.scaled(rows)
        batch = min(self._options.batch_size, len(rows))
        steps = -(-len(rows) // batch)
        for _ in range(epochs):
            self._progress(self._done / self._epochs)
            rate = self._options.learning_rate * (0.02 + 0.98 * np.cos(np.pi / 2 * self._done / self._epochs))
            for at in np.resize(generator.permutation(len(rows)), (steps, batch)):
                self._move(self._gradients(scaled[at], classes[at], generator), rate)
            self._done += 1

    def _gradients(self, rows: Floats, classes: Counts, generator: np.random.Generator) -> list[Floats]:
        """Return how the mean cross-entropy of scaled rows, and the penalties, change with each array."""
        *first, kernel, bias = self._layers.dense
        given, dropout = self._layers.hidden(rows), self._options.dropout
        kept = (generator.random(given.shape, np.float32) >= dropout) / np.float32(1 - dropout) if dropout else 1
        last = given * kept
        outputs = last @ kernel + bias
        error = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        error /= error.sum(axis=1, keepdims=True)
        error[np.arange(len(rows)), classes] -= 1
        error /= len(rows)
        found = [last.T @ error + 2 * self._options.l2 * kernel, error.sum(axis=0)]
        if first:
            back = (error @ kernel.T) * kept * (given > 0)
            found = [rows.T @ back + 2 * HIDDEN_L2 * first[0], back.sum(axis=0), *found]
        return found

    def _move(self, gradients: list[Floats], rate: float) -> None:
        """Make a step of Adam."""
        self._steps += 1
        slow, fast = (1 - decay**self._steps for decay in _DECAYS)
        for array, gradient, (mean, square) in zip(self._layers.dense, gradients, self._moments, strict=True):
            mean += (1 - _DECAYS[0]) * (gradient - mean)
            square += (1 - _DECAYS[1]) * (gradient * gradient - square)
            array -= np.float32(rate * np.sqrt(fast) / slow) * mean / (np.sqrt(square) + np.float32(_EPSILON))
