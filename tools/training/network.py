"""The liveness network: one look at the face's texture, one at what is around it.

- The **trunk** sees the face with its surroundings and answers for faces whose photo shows these (`trunk`).
- Small **heads** weigh shares that filters of our own count in the face (`texture`). There are few sources to learn
  from, so only the heads are trained; several vote. Theirs is the answer for faces that fill their photo, and they name
  the kind of attack.

Plain Keras layers throughout, and no weights of others: the file loads anywhere without code of ours.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from pipeline.models.liveness.card import View
from pipeline.types import Floats
from tools.training.texture import texture
from tools.training.trunk import AROUND_VIEW, OUTPUTS, SCALE

FACE_VIEW = View(size=112, scale=1.15, fill=0)
VIEWS = (FACE_VIEW, AROUND_VIEW)
COLOUR: Final = "RGB"
FACTOR, OFFSET = 1.0, 0.0
KINDS = ("live", "screen", "print", "drawing")
"""What the heads tell apart."""
COLUMNS = (*KINDS, "around")
"""The network's output: the heads' vote, which sums to 1, and the trunk's probability of an attack."""
HEADS = (32, 0)
"""The hidden units of each kind of head; 0 is a linear one."""


AROUND_WEIGHTS = np.array([0.5, 0.5, 0.0, 1.0], np.float32)
"""How the trunk's `OUTPUTS` are weighed; facenox's, which rejects many webcams' faces, is learned beside the others."""


SURELY_LIVE = 0.02
"""The trunk's probability of an attack below which the heads' vote for a drawing counts less, the more so the lower."""


def build_statistics() -> Any:
    """Build what the heads weigh: the face's view, RGB from 0 to 255, to shares (n, k)."""
    import keras
    from keras import layers

    face = layers.Input((FACE_VIEW.size, FACE_VIEW.size, 3), name="face")
    return keras.Model(face, texture(face), name="statistics")


def build_head(hidden: int, mean: Floats, spread: Floats, seed: int) -> Any:
    """Build one trainable head: the shares (n, k) to a softmax over `KINDS`; `mean` and `spread` scale them."""
    import keras
    from keras import layers, regularizers

    keras.utils.set_random_seed(seed)
    called = f"head_{hidden}_{seed}"
    level = layers.BatchNormalization(trainable=False, epsilon=0.0, scale=False, center=False, name=f"{called}_level")
    given = layers.Input((len(mean),), name=f"{called}_shares")
    tensor = layers.Rescaling(1.0, 6.0, name=f"{called}_up")(level(given))
    tensor = layers.ReLU(max_value=12.0, name=f"{called}_kept")(tensor)
    tensor = layers.Rescaling(1.0, -6.0, name=f"{called}_down")(tensor)
    tensor = layers.Dropout(0.3, name=f"{called}_in_part")(tensor)
    if hidden:
        tensor = layers.Dense(
            hidden, activation="relu", kernel_regularizer=regularizers.L2(1e-3), name=f"{called}_hidden"
        )(tensor)
        tensor = layers.Dropout(0.3, name=f"{called}_hidden_in_part")(tensor)
    begin = "glorot_uniform" if hidden else "zeros"
    last = regularizers.L2(1e-3 if hidden else 1e-2)
    weigh = layers.Dense(
        len(KINDS), "softmax", kernel_initializer=begin, kernel_regularizer=last, name=f"{called}_kind"
    )
    head = keras.Model(given, weigh(tensor), name=called)
    level.set_weights([mean, np.square(spread)])
    return head


def assemble(trunk: Any, statistics: Any, heads: Sequence[Any], offset: float) -> Any:
    """Put everything together: both views to the mean of the heads' softmax and the trunk's own probability.

    `offset` are the trunk's log-odds that count as an even chance.
    """
    import keras
    from keras import layers

    measured = statistics.outputs[0]
    votes = [head(measured) for head in heads]
    voted = layers.Average(name="kind")(votes) if len(votes) > 1 else votes[0]
    around = _fixed(AROUND_WEIGHTS[:, None] * SCALE, "around_attack", "sigmoid", -offset)(trunk.outputs[0])
    output = layers.Concatenate(name="attack")([_unless_clearly_live(voted, around), around])
    return keras.Model([statistics.inputs[0], trunk.inputs[0]], output, name="liveness")


def _unless_clearly_live(voted: Any, around: Any) -> Any:
    """Take from the vote for a drawing, which decides alone, and give to live, where the trunk is sure of a live face.

    An old studio portrait has a drawing's texture, but not its surroundings.
    """
    from keras import layers

    surely = layers.Rescaling(-1 / SURELY_LIVE, 1.0, name="sureness")(around)
    surely = layers.ReLU(max_value=1.0, name="surely_live")(surely)
    drawing = _fixed(np.eye(len(KINDS), dtype=np.float32)[:, 3:], "drawing")(voted)
    moved = layers.Multiply(name="no_drawing")([drawing, surely])
    to_live = _fixed(np.array([[1, 0, 0, -1]], np.float32), "live_instead")(moved)
    return layers.Add(name="kinds")([voted, to_live])


def _fixed(weights: Floats, name: str, activation: str | None = None, bias: float | None = None) -> Any:
    """Return a dense layer with these weights (inputs, outputs)."""
    from keras import layers

    layer = layers.Dense(weights.shape[1], activation, use_bias=bias is not None, name=name)
    layer.build((None, weights.shape[0]))
    layer.set_weights([weights] if bias is None else [weights, np.full(weights.shape[1], bias, np.float32)])
    return layer


def around_odds(outputs: Floats) -> Floats:
    """Return the trunk's log-odds (n,), before the offset, of its outputs in log-odds (n, 4)."""
    if outputs.shape[1] != len(OUTPUTS):
        raise ValueError(f"{outputs.shape[1]} outputs are not {len(OUTPUTS)}")
    return np.asarray(outputs @ AROUND_WEIGHTS, dtype=np.float32)
