"""From what left-out faces scored to the figures that the card states."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.cnn import blended, log_odds
from pipeline.models.liveness.fusion import fused_scores
from pipeline.models.liveness.judge import HALF
from pipeline.types import Floats
from tools.training.cards import CARD
from tools.training.metrics import Presentation, as_json
from tools.training.sources import CLIP, PORTRAITS, Item, Sample
from tools.training.teachers import Readings

_PORTRAITS_REJECTED = 0.02
"""The share of portraits that lie above a trunk's offset: as many bona fide faces as may be rejected; on other faces it
may be half as much again. No replay that was left out of training is accepted here; at 0.015 the first one is."""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Faces with what a network says of them that was not trained on them, and what the other engines read.

    `voted` is the heads' probability of an attack (n,), `around` the trunk's log-odds, less its offset (n,). `missed`
    are the sources' pictures without a face.
    """

    samples: Sequence[Sample]
    voted: Floats
    around: Floats
    readings: Readings
    missed: Sequence[Item]

    @property
    def cnn(self) -> Floats:
        """The network's probability of an attack (n,), as the server reads it."""
        odds = blended(self.around, log_odds(self.voted), self.readings.reach)
        return np.asarray(np.where(self.voted >= 1, 1, 1 / (1 + np.exp(-odds))), dtype=np.float32)

    @property
    def attack(self) -> npt.NDArray[np.bool_]:
        """Which faces are attacks (n,)."""
        return np.array([one.item.attack for one in self.samples])

    @property
    def source(self) -> npt.NDArray[np.str_]:
        """Each face's source (n,)."""
        return np.array([one.item.source for one in self.samples])


def offset_of(odds: Floats, samples: Sequence[Sample]) -> float:
    """Return the log-odds above which 2 % of the portraits lie that nothing was trained on; 0 without portraits."""
    portraits = odds[[one.item.source == PORTRAITS for one in samples]]
    return float(np.quantile(portraits, 1 - _PORTRAITS_REJECTED)) if len(portraits) else 0.0


def scores_of(left_out: LeftOut) -> dict[str, tuple[Floats, float]]:
    """Return by engines the probability of an attack (n,), and the highest one that counts as bona fide."""
    cnn, read = left_out.cnn, left_out.readings
    scores = {"cnn": (cnn, CARD.live), "fasnet": (np.array(read.fasnet.spoof, np.float32), HALF)}
    for name, fasnet, facenox in (
        ("cnn,fasnet", read.fasnet, None),
        ("cnn,facenox", None, read.facenox),
        ("cnn,fasnet,facenox", read.fasnet, read.facenox),
    ):
        fused = fused_scores(cnn, fasnet, facenox, read.reach)
        scores[name] = np.where(cnn >= 1, np.float32(1), fused), HALF  # a drawing to the CNN stays an attack
    return scores


def figures(left_out: LeftOut) -> dict[str, Any]:
    """Return the error rates on left-out sources, of the CNN alone, of DeepFace's Fasnet, and of engines together.

    Pictures without a face count as in ISO/IEC 30107-3: such an attack is rejected, such a bona fide picture is an
    error. Tight faces are judged.
    """
    spoof = np.array([not name.startswith("clip ") and name != PORTRAITS for name in left_out.source])
    return {
        name: {
            "left_out_sources": as_json(_presentations(left_out, values, live, spoof)),
            "clips": _clips(left_out, values, live),
        }
        for name, (values, live) in scores_of(left_out).items()
    }


def reaches(left_out: LeftOut) -> dict[str, dict[str, float]]:
    """Return the card's error rates by engines: of portraits, of bona fide frames of clips, and of replayed ones."""
    clip = np.array([name.startswith(f"{CLIP} ") for name in left_out.source])
    chosen = {
        "portraits_rejected": left_out.source == PORTRAITS,
        "bona_fide_frames_rejected": clip & ~left_out.attack,
        "replayed_frames_accepted": clip & left_out.attack,
    }
    wrong = {name: (values <= live) == left_out.attack for name, (values, live) in scores_of(left_out).items()}
    return {
        engines: {rate: _mean(faults[rows]) for rate, rows in chosen.items() if rows.any()}
        for engines, faults in wrong.items()
    }


def _presentations(left_out: LeftOut, scores: Floats, live: float, chosen: npt.NDArray[np.bool_]) -> list[Presentation]:
    rows = [
        Presentation(one.item.source, one.item.attack, one.item.source, bool(score <= live), True, float(score))
        for one, score, use in zip(left_out.samples, scores, chosen, strict=True)
        if use
    ]
    return rows + [Presentation(item.source, item.attack, item.source, False, False, None) for item in left_out.missed]


def _clips(left_out: LeftOut, scores: Floats, live: float) -> dict[str, float]:
    """Return the share of each left-out clip's frames that is judged wrongly."""
    names = sorted({str(name) for name in left_out.source if name.startswith("clip ")})
    wrong = (scores <= live) == left_out.attack
    return {name: _mean(wrong[left_out.source == name]) for name in names}


def _mean(values: npt.NDArray[np.bool_]) -> float:
    return round(float(values.mean()), 4)
