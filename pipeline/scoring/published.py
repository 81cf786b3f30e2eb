"""The scorer of models that nobody has calibrated: their makers' thresholds, and no promise."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.scoring.scorer import check_required
from pipeline.types import Counts, Floats


@dataclass(frozen=True)
class PublishedScorer:
    """Decisions by published thresholds: `limits` holds one distance per model, nothing is promised.

    The score is the mean over the models of distance / threshold; 1.0 is the threshold everywhere.
    """

    limits: Mapping[str, float]

    calibrated: ClassVar[bool] = False
    """Thresholds are the makers', for their own crops."""
    typical_stranger: ClassVar[float] = 2.0
    """Twice the threshold: how far strangers are was not measured."""
    mismatch_threshold: ClassVar[float] = 1.25
    """A quarter beyond the threshold: how far mates spread was not measured."""
    rival_margin: ClassVar[float] = 0.0
    """None: how much strangers' scores spread was not measured, so whoever is nearer is a rival."""
    addition_threshold: ClassVar[float] = 1.0
    """The threshold."""
    same_person_threshold: ClassVar[float] = -math.inf
    """Minus infinity: nothing was measured, so only an admin can say that two IDs are one person."""

    @property
    def models(self) -> tuple[str, ...]:
        """The models whose distances `fuse` expects."""
        return tuple(self.limits)

    def fuse(
        self,
        distances: Mapping[str, Floats],
        enrolled: Counts | int | None = None,
        lengths: Mapping[str, Floats] | None = None,
    ) -> Floats:
        """Return the mean of distance / threshold; `enrolled` and `lengths` change nothing."""
        count = len(self.limits)
        parts = [
            np.asarray(distances[name], np.float32) * np.float32(1 / limit / count)
            for name, limit in self.limits.items()
        ]
        return sum(parts[1:], parts[0])

    def threshold(self, required: int, images: int) -> float:
        """Return 1.0."""
        check_required(required, images)
        return 1.0

    found_threshold = threshold

    def threshold_at(self, rate: float) -> float:
        """Return minus infinity: no rate was measured."""
        return -math.inf

    def second_look_threshold(self, required: int, comparisons: int, images: int) -> float:
        """Return 1.0."""
        check_required(required, comparisons)
        return 1.0

    def search_threshold(self, people: int, images: int) -> float:
        """Return 1.0."""
        return 1.0

    def fpir_at(self, score: float, people: int, images: int) -> float | None:
        """Return None: no rate was measured."""
        return None

    def model_threshold(self, model: str) -> float:
        """Return the model's published threshold."""
        return self.limits[model]

    def fmr_at(self, score: float, required: int, images: int) -> float | None:
        """Return None: nothing was measured."""
        return None

    fmr_at_found = fmr_at

    def fmr_at_second_look(self, score: float, required: int, comparisons: int, images: int) -> float | None:
        """Return None: nothing was measured."""
        return None
