"""Similarity: a score as a number from 0 to 1, higher is more alike, whose fixed points are false match rates.

0.9 is the highest score that at most one in 10,000 strangers reaches, or a stricter one where a search is; 0.1 is the
score of a typical stranger. Between and beyond them a logistic curve of the score connects the two, so that similarity
falls strictly where the score rises.
"""

import math
from dataclasses import dataclass

from pipeline.types import Scorer

ALIKE = 0.9
"""The similarity from which on two faces are alike."""
RATE = 1e-4
"""The false match rate of ALIKE."""
_PLACES = 100_000
_LEAST_WIDTH = 1e-6


@dataclass(frozen=True)
class Similarity:
    """`limit` is the score of similarity 0.9, `stranger` that of 0.1; no similarity is above `most`."""

    limit: float
    stranger: float
    most: float = 1.0

    def of(self, score: float) -> float:
        """Return a score's similarity, rounded down to five places: what is not within the limit stays below 0.9."""
        if not math.isfinite(score):
            return 0.0
        share = (score - self.limit) / max(self.stranger - self.limit, _LEAST_WIDTH)
        exponent = min(max(2.0 * share - 1.0, -50.0), 50.0)
        similarity = min(1.0 / (1.0 + math.pow(9.0, exponent)), self.most)
        return math.floor(similarity * _PLACES + 1e-7) / _PLACES


def similarity_of(scorer: Scorer, search_threshold: float = math.inf) -> Similarity:
    """Return the similarity that a scorer's rates make; in a search, its threshold is the limit where it is stricter.

    Where a calibration does not show so low a rate, 0.9 is not reached. Without a calibration the models' published
    threshold is 0.9, and no rate is known.
    """
    limit, most = scorer.threshold_at(RATE), 1.0
    if not math.isfinite(limit):
        limit, most = scorer.threshold(1, 1), ALIKE - 1.0 / _PLACES if scorer.calibrated else 1.0
    return Similarity(min(limit, search_threshold), scorer.typical_stranger, most)
