"""Fits how the CNN and Fasnet are weighed together, on faces that the CNN was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.fusion import READINGS
from pipeline.types import Floats

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Faces with what the engines read: `rows` (n, 4) as `fusion.readings`, label, and the source of each face."""

    rows: Floats
    attack: npt.NDArray[np.bool_]
    source: npt.NDArray[np.str_]


def fit(evidence: Evidence, used: Sequence[int], ridge: float = 0.3) -> tuple[tuple[float, ...], float]:
    """Return weights and intercept of a logistic regression in which every source's every class weighs the same.

    Only the readings numbered in `used` get a weight.

    Weights are kept at 0 or above: no engine's doubt may speak for a face.
    """
    share = _shares(evidence)
    x = evidence.rows.astype(np.float64)
    active = np.isin(np.arange(x.shape[1]), used)
    while True:
        solution = _logistic(x[:, active], evidence.attack, share, ridge)
        if (solution[:-1] >= 0).all():
            break
        keep = np.flatnonzero(active)[solution[:-1] >= 0]
        active = np.isin(np.arange(x.shape[1]), keep)
    weights = np.zeros(len(READINGS))
    weights[active] = solution[:-1]
    return tuple(round(float(weight), 4) for weight in weights), round(float(solution[-1]), 4)


def _shares(evidence: Evidence) -> Doubles:
    share = np.zeros(len(evidence.attack))
    for attack in (False, True):
        names = np.unique(evidence.source[evidence.attack == attack])
        for name in names:
            chosen = (evidence.source == name) & (evidence.attack == attack)
            share[chosen] = 0.5 / len(names) / chosen.sum()
    return share


def _logistic(x: Doubles, attack: npt.NDArray[np.bool_], share: Doubles, ridge: float) -> Doubles:
    """Newton's method on the weighted log-likelihood with a ridge on the weights, not on the intercept."""
    rows = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    penalty = np.full(rows.shape[1], ridge / 100)
    penalty[-1] = 1e-9
    solution = np.zeros(rows.shape[1])
    for _ in range(100):
        chance = 1 / (1 + np.exp(-np.clip(rows @ solution, -30, 30)))
        slope = rows.T @ (share * (chance - attack)) + penalty * solution
        bend = (rows * (share * chance * (1 - chance))[:, None]).T @ rows + np.diag(penalty)
        step = np.linalg.solve(bend, slope)
        solution = solution - step
        if float(np.abs(step).max()) < 1e-8:
            break
    return np.asarray(solution, dtype=np.float64)
