"""The CNN engine: a Keras network of our own kind, read through its card."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codes_dict import Code, Refusal
from pipeline.models.batching import RequestBatcher
from pipeline.models.keras_network import KerasFunction, kept_file, keras_runner
from pipeline.models.liveness.card import Card, read_card
from pipeline.models.liveness.keras_file import check_network, load_network
from pipeline.models.liveness.views import checked, network_inputs, warm
from pipeline.models.runtime import Runner, in_parts
from pipeline.types import OPEN_REACH, TIGHT_REACH, Box, Floats, Pixels

_EDGE = 1e-6
_FACES_AT_ONCE = 8
"""Faces in one call of a network."""


@dataclass(frozen=True, eq=False)
class CnnScores:
    """What the CNN says of a batch: probability of an attack (faces,), and the output's columns (faces, outputs)."""

    attack: Floats
    columns: Floats


@dataclass(frozen=True, eq=False)
class Cnn:
    """A loaded liveness network; safe to call from threads."""

    card: Card
    run: Runner

    def score(self, photos: Sequence[Pixels], boxes: Sequence[Box]) -> CnnScores:
        """Score every face in one call of the network.

        Raises `Refusal(Code.NO_LIVENESS)` where the output has another length than asked for or is not finite.
        """
        raw = np.asarray(self.run(network_inputs(photos, boxes, self.card))[0], np.float32)
        checked(raw, (len(photos), self.card.outputs), "the model")
        attack = calibrated(raw, self.card)
        if self.card.around is not None:
            reach = np.array([box.reach(photo) for photo, box in zip(photos, boxes, strict=True)], dtype=np.float32)
            odds = blended(log_odds(raw[:, self.card.around]), log_odds(attack), reach)
            attack = np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)
        return CnnScores(attack, raw)


def calibrated(raw: Floats, card: Card) -> Floats:
    """Return the calibrated probability of an attack (n,) for raw outputs (n, outputs), decisive columns left away.

    Platt's scaling on the log-odds (J. Platt, 1999); the probability itself where the card's slope is 1 and its
    intercept 0.
    """
    chosen = raw[:, list(card.spoof)]
    if card.activation == "probability":
        share = chosen.sum(axis=1)
        if share.min(initial=0.0) < -_EDGE or share.max(initial=0.0) > 1 + _EDGE * 100:
            raise Refusal(Code.NO_LIVENESS, "the model's output is not a probability as its card says")
        rest = 1 - raw[:, list(card.decisive)].sum(axis=1)
        share = share / np.maximum(np.maximum(rest, share), _EDGE)
        if card.slope == 1.0 and card.intercept == 0.0:
            return np.asarray(np.clip(share, 0, 1), dtype=np.float32)
        odds = log_odds(share)
    else:
        odds = chosen.sum(axis=1)
    return np.asarray(1 / (1 + np.exp(-(card.slope * odds + card.intercept))), dtype=np.float32)


def log_odds(probability: Floats) -> Floats:
    """Return log(p / (1 - p)), with p kept 1e-6 away from 0 and 1."""
    kept = np.clip(probability.astype(np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(kept / (1 - kept)), dtype=np.float32)


def blended(open_odds: Floats, tight_odds: Floats, reach: Floats) -> Floats:
    """Blend the log-odds for open faces and those for tight ones by how far the photo reaches: (faces,) each."""
    share = np.clip((reach - TIGHT_REACH) / (OPEN_REACH - TIGHT_REACH), 0, 1)
    return np.asarray(share * open_odds + (1 - share) * tight_odds, dtype=np.float32)


def load_cnn(model_file: Path, pinned_sha256: str | None, kept: Path | None = None) -> Cnn:
    """Load the network in `model_file` with its card, compile it and run it once.

    `pinned_sha256` is accepted beside the card's. `kept` is where converted networks are kept, so that later loads do
    without Keras; None keeps none. Raises `Refusal(Code.NO_LIVENESS)` naming what is wrong.
    """
    card = read_card(model_file)
    accepted = frozenset(digest.lower() for digest in (card.sha256, pinned_sha256) if digest)

    def load() -> KerasFunction:
        network = load_network(model_file, accepted)
        check_fit(network, card, model_file.name)
        return _function(network, card)

    shapes = "-".join(str(number) for number in (*(view.size for view in card.views), card.outputs))
    file = kept_file(kept, f"liveness-{shapes}", check_network(model_file, accepted))
    ends = sorted((card.offset, 255 * card.factor + card.offset))
    cnn = Cnn(card, RequestBatcher(in_parts(keras_runner(load, file, ends[0], ends[1]), _FACES_AT_ONCE), name="cnn"))
    warm(cnn.score)
    return cnn


def check_fit(network: Any, card: Card, name: str) -> None:
    """Raise `Refusal(Code.NO_LIVENESS)` unless the network's inputs and outputs are those of the card."""
    shapes = [tuple(tensor.shape[1:]) for tensor in network.inputs]
    wanted = [(view.size, view.size, 3) for view in card.views]
    fits = len(shapes) == len(wanted) and all(
        len(shape) == 3 and all(side in (None, need) for side, need in zip(shape, want, strict=True))
        for shape, want in zip(shapes, wanted, strict=False)
    )
    if not fits:
        raise Refusal(Code.NO_LIVENESS, f"{name}: its inputs are {shapes}, the card says {wanted}")
    outputs = [tuple(tensor.shape[1:]) for tensor in network.outputs]
    if outputs != [(card.outputs,)]:
        raise Refusal(Code.NO_LIVENESS, f"{name}: its outputs are {outputs}, the card says {card.outputs}")


def _function(network: Any, card: Card) -> KerasFunction:
    def forward(*views: Any) -> Any:
        return network(list(views) if len(views) > 1 else views[0], training=False)

    return KerasFunction(forward, [((view.size, view.size, 3), np.float32) for view in card.views])
