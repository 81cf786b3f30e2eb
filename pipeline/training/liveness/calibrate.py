"""From what left-out faces scored to the card's calibration, its fusion, and the figures that it states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.card import Card, Fusion
from pipeline.models.liveness.cnn import log_odds
from pipeline.models.liveness.fusion import fused_scores, openness, readings
from pipeline.training.liveness.cards import CARD
from pipeline.training.liveness.folds import PORTRAITS
from pipeline.training.liveness.fuse import Evidence, fit, left_out_scores
from pipeline.training.liveness.metrics import Presentation, as_json
from pipeline.training.liveness.read import FasnetReadings
from pipeline.training.liveness.sources import Item, Sample
from pipeline.types import Floats

TIGHT_AT, FULL_AT = 1.4, 2.1
TIGHT_READINGS, FULL_READINGS = (0, 4), (0, 1, 2)
"""Readings that a rule may weigh: alone on black without surroundings, Fasnet's plain reading with them."""
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


def calibrated_card(left_out: LeftOut) -> Card:
    """Fit the CNN's calibration and, where Fasnet was read, the fusion."""
    rows = np.zeros((len(left_out.raw), 5), np.float32)
    rows[:, 0] = log_odds(left_out.raw)
    weights, intercept = fit(Evidence(rows, left_out.attack, left_out.source), (0,))
    card = replace(CARD, slope=max(weights[0], 0.05), intercept=intercept, live=_LIVE, threshold=_SPOOF)
    return replace(card, fusion=_fusion(left_out, card) if left_out.fasnet else None)


def figures(left_out: LeftOut, card: Card) -> dict[str, Any]:
    """Return the error rates on left-out sources, of the CNN alone, of DeepFace's Fasnet, and fused.

    Pictures without a face count as in ISO/IEC 30107-3: such an attack is rejected, such a bona fide picture is an
    error. The fused scores of a source come from weights that were fitted without it.
    """
    scores = {"cnn": _calibrated(left_out.raw, card)}
    live = {"cnn": card.live}
    if left_out.fasnet and card.fusion:
        scores["fasnet"] = np.array(left_out.fasnet.scores.spoof, np.float32)
        scores["fused"] = _fused_left_out(left_out, card)
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


def _calibrated(raw: Floats, card: Card) -> Floats:
    odds = card.slope * log_odds(raw) + card.intercept
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)


def _fusion(left_out: LeftOut, card: Card) -> Fusion:
    rows, share = _rows(left_out, card)
    tight, full = _evidence(left_out, rows, share < 0.5), _evidence(left_out, rows, share >= 0.5)
    tight_weights, tight_intercept = fit(tight, TIGHT_READINGS)
    weights, intercept = fit(full, FULL_READINGS)
    return Fusion(weights, intercept, tight_weights, tight_intercept, TIGHT_AT, FULL_AT, _LIVE, _SPOOF)


def _rows(left_out: LeftOut, card: Card) -> tuple[Floats, Floats]:
    if left_out.fasnet is None:
        raise ValueError("Fasnet was not read")
    rows = readings(_calibrated(left_out.raw, card), left_out.fasnet.scores)
    blank = Fusion((), 0, (), 0, TIGHT_AT, FULL_AT, _LIVE, _SPOOF)
    return rows, openness(blank, left_out.fasnet.reach)


def _evidence(left_out: LeftOut, rows: Floats, chosen: npt.NDArray[np.bool_]) -> Evidence:
    return Evidence(rows[chosen], left_out.attack[chosen], left_out.source[chosen])


def _fused_left_out(left_out: LeftOut, card: Card) -> Floats:
    """Score tight faces by weights fitted on the other sources, others as the shipped card does, drawings as 1."""
    if left_out.fasnet is None or card.fusion is None:
        raise ValueError("Fasnet was not read")
    rows, share = _rows(left_out, card)
    cnn = _calibrated(left_out.raw, card)
    scores = fused_scores(card.fusion, cnn, left_out.fasnet.scores, left_out.fasnet.reach)
    tight = share < 0.5
    scores[tight] = left_out_scores(_evidence(left_out, rows, tight), TIGHT_READINGS)
    scores[left_out.raw >= 1] = 1
    return scores


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
