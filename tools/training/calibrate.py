"""From what left-out faces scored to the figures that the card states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.card import Card
from pipeline.models.liveness.fusion import fused_scores
from pipeline.models.liveness.judge import HALF
from pipeline.types import Floats
from tools.training.folds import PORTRAITS
from tools.training.metrics import Presentation, as_json
from tools.training.read import Readings
from tools.training.sources import Item, Sample


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Faces with the raw CNN score (n,) of a fold that was not trained on them, and what the other engines read.

    `missed` are the sources' pictures without a face.
    """

    samples: Sequence[Sample]
    raw: Floats
    readings: Readings
    missed: Sequence[Item]

    @property
    def attack(self) -> npt.NDArray[np.bool_]:
        """Which faces are attacks (n,)."""
        return np.array([one.item.attack for one in self.samples])

    @property
    def source(self) -> npt.NDArray[np.str_]:
        """Each face's source (n,)."""
        return np.array([one.item.source for one in self.samples])


def figures(left_out: LeftOut, card: Card) -> dict[str, Any]:
    """Return the error rates on left-out sources, of the CNN alone, of DeepFace's Fasnet, and of engines together.

    Pictures without a face count as in ISO/IEC 30107-3: such an attack is rejected, such a bona fide picture is an
    error. Tight faces are judged.
    """
    cnn, fasnet, facenox, reach = (
        left_out.raw,
        left_out.readings.fasnet,
        left_out.readings.facenox,
        left_out.readings.reach,
    )
    scores = {
        "cnn": (cnn, card.live),
        "fasnet": (np.array(fasnet.spoof, np.float32), HALF),
        "cnn, fasnet": (_with_drawings(cnn, fused_scores(cnn, fasnet, None, reach)), HALF),
        "cnn, fasnet, facenox": (_with_drawings(cnn, fused_scores(cnn, fasnet, facenox, reach)), HALF),
    }
    spoof = np.array([not name.startswith("clip ") and name != PORTRAITS for name in left_out.source])
    return {
        name: {
            "left_out_sources": as_json(_presentations(left_out, values, live, spoof)),
            "portraits_rejected": _share(values[left_out.source == PORTRAITS] > live),
            "clips": _clips(left_out, values, live),
        }
        for name, (values, live) in scores.items()
    }


def _with_drawings(cnn: Floats, fused: Floats) -> Floats:
    """Return the fused scores; a face that is a drawing to the CNN, whose score is 1 then, stays an attack."""
    return np.asarray(np.where(cnn >= 1, np.float32(1), fused), dtype=np.float32)


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
