"""What the page draws of recognition: error curves and histograms, as plain numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.types import Bools, Floats, Scorer
from tools.calibration.sample import ModelPairs

POINTS = 120
BINS = 80


def curves(compared: ModelPairs, scorer: Scorer, ver_tol: int, people: int) -> dict[str, Any]:
    """Return each model's and the fused score's error curve, and the histograms of the fused score with its thresholds.

    `det[name]` is `{"fmr": [...], "fnmr": [...]}`, both falling and rising between 0 and 1; `histogram` has `edges`
    (bins + 1), `genuine` and `impostor` (shares of the pairs, each summing to 1) and `thresholds` by name.
    """
    fused = compared.fused(scorer)
    scores = {"fused": fused, **(compared.distances if len(compared.distances) > 1 else {})}
    det = {name: error_curve(values[compared.same], values[~compared.same]) for name, values in scores.items()}
    drawn = histogram(fused, compared.same) | {"thresholds": thresholds(scorer, ver_tol, people)}
    return {"det": det, "histogram": drawn}


def error_curve(genuine: Floats, impostor: Floats) -> dict[str, list[float]]:
    """Return false match and false non-match rates at `POINTS` thresholds or fewer, from the strictest on.

    The thresholds are impostor scores, so the curve begins at the lowest rate that the data show.
    """
    own, others = np.sort(genuine), np.sort(impostor)
    places = np.unique(np.geomspace(1, len(others), POINTS).astype(int)) if len(others) else np.array([], dtype=int)
    missed = 1.0 - np.searchsorted(own, others[places - 1], side="right") / max(len(own), 1)
    return {"fmr": [float(one) for one in places / max(len(others), 1)], "fnmr": [float(one) for one in missed]}


def histogram(scores: Floats, same: Bools) -> dict[str, Any]:
    """Return the shares of genuine and impostor scores in `BINS` equal bins from the lowest score to the highest."""
    edges = np.linspace(float(scores.min()), float(scores.max()) + 1e-9, BINS + 1)
    counts = {name: np.histogram(scores[kind], edges)[0] for name, kind in (("genuine", same), ("impostor", ~same))}
    shares = {name: [float(one) for one in count / max(count.sum(), 1)] for name, count in counts.items()}
    return {"edges": [float(edge) for edge in edges], **shares}


def thresholds(scorer: Scorer, ver_tol: int, people: int) -> Mapping[str, float]:
    """Return the thresholds of one photo, of `ver_tol` photos, and of a search among `people`, by what they are for."""
    many = {f"1:1, {ver_tol} of {ver_tol} photos": scorer.threshold(ver_tol, ver_tol)} if ver_tol > 1 else {}
    search = {f"search, {people} people": scorer.search_threshold(people, 1)}
    return {"1:1, one photo": scorer.threshold(1, 1), **many, **search}
