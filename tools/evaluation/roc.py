"""Pair accuracy as LFW defines it, and true accept rates at false match rates. Lower scores are closer."""

from dataclasses import dataclass

import numpy as np

from pipeline.types import Bools, Doubles
from tools.calibration.sample import Ints


@dataclass(frozen=True)
class Accuracy:
    """Mean accuracy over the folds, and its standard error (0 to 1 both)."""

    accuracy: float
    sem: float
    folds: int


def pair_accuracy(scores: Doubles, same: Bools, fold: Ints) -> Accuracy:
    """Return k-fold pair accuracy: every fold is decided at the threshold that is best on all the others.

    `scores`, `same` and `fold` are of shape (pairs,). One fold alone is divided into ten.
    (Huang et al. 2007, Labeled Faces in the Wild, protocol of view 2.)
    """
    folds = fold if len(np.unique(fold)) > 1 else _tenths(same)
    rates = []
    for held_out in np.unique(folds):
        test = folds == held_out
        threshold = best_threshold(scores[~test], same[~test])
        rates.append(float(((scores[test] <= threshold) == same[test]).mean()))
    spread = float(np.std(rates, ddof=1) / np.sqrt(len(rates)))
    return Accuracy(float(np.mean(rates)), spread, len(rates))


def best_threshold(scores: Doubles, same: Bools) -> float:
    """Return the threshold with the fewest errors, the middle between two scores; of equals the lowest."""
    order = np.argsort(scores, kind="stable")
    ranked, hits = scores[order], np.where(same[order], 1, -1)
    gain = np.concatenate([[0], np.cumsum(hits)])
    edges = np.concatenate([[ranked[0] - 1.0], (ranked[:-1] + ranked[1:]) / 2, [ranked[-1]]])
    return float(edges[int(np.argmax(gain))])


def tar_at(genuine: Doubles, impostor: Doubles, fmr: float) -> float | None:
    """Return the true accept rate at a false match rate of at most `fmr`, or None where `impostor` cannot show it.

    It is shown if at least ten impostor scores are within the rate.
    """
    within = int(len(impostor) * fmr)
    if within < 10 or not len(genuine):
        return None
    threshold = np.partition(impostor, within)[within]
    return float((genuine < threshold).mean())


def _tenths(same: Bools) -> Ints:
    folds = np.zeros(len(same), dtype=np.int64)
    for kind in (True, False):
        places = np.flatnonzero(same == kind)
        folds[places] = np.arange(len(places)) * 10 // max(len(places), 1)
    return folds
