"""Scores as distances of the metric that a program asks for, so that its own comparison with the threshold agrees.

The cosine distance, that of normalised embeddings and the angle between them order pairs alike: each follows from any
other. The distance of raw embeddings follows from none.
"""

import math
from dataclasses import dataclass

import numpy as np

from pipeline.registry import SIM_FUNCS
from pipeline.types import Scorer

ANGULAR = "angular"
"""The angle between two embeddings, 0 to 1 for 0 to 180 degrees."""
METRICS: tuple[str, ...] = (*SIM_FUNCS, ANGULAR)
RAW = "euclidean"
STEP = 1e-4
"""Replies round distances to this."""


def metrics_of(sim_func: str) -> tuple[str, ...]:
    """Return the metrics that distances by `sim_func`, one of SIM_FUNCS, can be shown in."""
    return (RAW,) if sim_func == RAW else tuple(one for one in METRICS if one != RAW)


@dataclass(frozen=True)
class Scale:
    """Turns fused scores, which are distances by `sim_func` in units of `unit`, into distances by `metric`."""

    sim_func: str
    metric: str
    unit: float = 1.0

    def of(self, score: float) -> float:
        """Return a score as a distance, 0 or more; a higher score is never a shorter distance."""
        distance = max(0.0, score * self.unit)
        if self.metric == self.sim_func:
            return distance
        cosine = min(2.0, distance if self.sim_func == "cosine" else distance**2 / 2)
        if self.metric == "cosine":
            return cosine
        return math.acos(1 - cosine) / math.pi if self.metric == ANGULAR else math.sqrt(2 * cosine)

    def pair(self, score: float, threshold: float, accepted: bool) -> tuple[float, float]:
        """Return distance and threshold, rounded; the distance is at or under the threshold only if accepted."""
        distance, limit = round(self.of(score), 4), round(self.of(threshold), 4)
        return (distance if accepted else max(distance, round(limit + STEP, 4))), limit


def scale_of(metric: str, sim_func: str, scorer: Scorer) -> Scale:
    """Return the scale of a scorer's scores; where it is not calibrated, they count models' published thresholds."""
    unit = 1.0 if scorer.calibrated else float(np.mean([scorer.model_threshold(name) for name in scorer.models]))
    return Scale(sim_func, metric, unit)


def confidence(distance: float, threshold: float, accepted: bool) -> float:
    """Return 51 to 100 for a pair that is accepted, 0 to 49 for others: linear in the distance over the threshold.

    100 is a distance of 0, 0 one of twice the threshold or more. It is no probability.
    """
    share = distance / threshold if threshold > 0 else math.inf
    return round(100 - 49 * min(share, 1.0), 2) if accepted else round(49 * max(0.0, 2 - max(share, 1.0)), 2)
