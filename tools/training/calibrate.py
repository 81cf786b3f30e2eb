"""From what left-out faces scored to the card's fusion, and the figures that it states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.card import Card, Fusion
from pipeline.models.liveness.fusion import fused_scores, openness, readings
from pipeline.types import Floats
from tools.training.cards import CARD
from tools.training.folds import PORTRAITS
from tools.training.fuse import Evidence, fit
from tools.training.metrics import Presentation, as_json
from tools.training.read import FasnetReadings
from tools.training.sources import Item, Sample

TIGHT_AT, FULL_AT = 1.4, 2.1
TIGHT_WEIGHTS, TIGHT_INTERCEPT = (1.0, 0.0, 0.0, 0.4), 0.6
"""The rule for faces without surroundings: the network and, at less than half its weight, Fasnet's reading on black.

They are set by hand. Where a camera shifts all scores, a fit follows the sources that are hardest: weights fitted on
eight sources reject most bona fide faces of some ninth one (docs/liveness.md has the figures of both).
"""
FULL_READINGS = (0, 1, 2)
"""Readings that the fitted rule for faces with surroundings weighs: Fasnet's plain ones."""
_LIVE, _SPOOF = 0.5, 0.6


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Faces with the raw CNN score (n,) of a fold that was not trained on them, and Fasnet's readings.

    `missed` are the sources' pictures without a face.
    """

    samples: Sequence[Sample]
    raw: Floats
    fasnet: FasnetReadings | None
    missed: Sequence[Item]

    @property
    def attack(self) -> npt.NDArray[np.bool_]:
        """Which faces are attacks (n,)."""
        return np.array([one.item.attack for one in self.samples])

    @property
    def source(self) -> npt.NDArray[np.str_]:
        """Each face's source (n,)."""
        return np.array([one.item.source for one in self.samples])


def card_of(left_out: LeftOut) -> Card:
    """Return the card: the heads' vote counts as it is; with Fasnet's readings, how both are fused."""
    card = replace(CARD, live=_LIVE, threshold=_SPOOF)
    return replace(card, fusion=_fusion(left_out) if left_out.fasnet else None)


def figures(left_out: LeftOut, card: Card) -> dict[str, Any]:
    """Return the error rates on left-out sources, of the CNN alone, of DeepFace's Fasnet, and fused.

    Pictures without a face count as in ISO/IEC 30107-3: such an attack is rejected, such a bona fide picture is an
    error.
    """
    scores = {"cnn": left_out.raw}
    live = {"cnn": card.live}
    if left_out.fasnet and card.fusion:
        scores["fasnet"] = np.array(left_out.fasnet.scores.spoof, np.float32)
        rows = left_out.fasnet
        fused = fused_scores(card.fusion, scores["cnn"], rows.scores, rows.reach)
        scores["fused"] = np.where(left_out.raw >= 1, np.float32(1), fused)
        live |= {"fasnet": 0.5, "fused": card.fusion.live}
    spoof = np.array([not name.startswith("clip ") and name != PORTRAITS for name in left_out.source])
    return {
        name: {
            "left_out_sources": as_json(_presentations(left_out, values, live[name], spoof)),
            "portraits_rejected": _share(values[left_out.source == PORTRAITS] > live[name]),
            "clips": _clips(left_out, values, live[name]),
        }
        for name, values in scores.items()
    }


def _fusion(left_out: LeftOut) -> Fusion:
    rows, share = _rows(left_out)
    weights, intercept = fit(_evidence(left_out, rows, share >= 0.5), FULL_READINGS)
    return Fusion(weights, intercept, TIGHT_WEIGHTS, TIGHT_INTERCEPT, TIGHT_AT, FULL_AT, _LIVE, _SPOOF)


def _rows(left_out: LeftOut) -> tuple[Floats, Floats]:
    if left_out.fasnet is None:
        raise ValueError("Fasnet was not read")
    rows = readings(left_out.raw, left_out.fasnet.scores)
    blank = Fusion((), 0, (), 0, TIGHT_AT, FULL_AT, _LIVE, _SPOOF)
    return rows, openness(blank, left_out.fasnet.reach)


def _evidence(left_out: LeftOut, rows: Floats, chosen: npt.NDArray[np.bool_]) -> Evidence:
    return Evidence(rows[chosen], left_out.attack[chosen], left_out.source[chosen])


def _presentations(left_out: LeftOut, scores: Floats, live: float, chosen: npt.NDArray[np.bool_]) -> list[Presentation]:
    rows = [
        Presentation(one.item.source, one.item.attack, one.item.source, bool(score <= live), True, float(score))
        for one, score, use in zip(left_out.samples, scores, chosen, strict=True)
        if use
    ]
    return rows + [Presentation(item.source, item.attack, item.source, False, False, None) for item in left_out.missed]


def _clips(left_out: LeftOut, scores: Floats, live: float) -> dict[str, float | None]:
    """Return the share of each left-out clip's frames that is judged wrongly."""
    names = sorted({str(name) for name in left_out.source if name.startswith("clip ")})
    wrong = (scores <= live) == left_out.attack
    return {name: _share(wrong[left_out.source == name]) for name in names}


def _share(values: npt.NDArray[np.bool_]) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None
