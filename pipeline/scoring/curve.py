"""A measured relation between rates and scores, as far as data show it and no further."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import PlainSerializer

Numbers = npt.NDArray[np.floating[Any]]

LEAST_ERRORS = 10
"""Fewest errors within a rate for the data to show it."""


@dataclass(frozen=True)
class Curve:
    """Rates, rising, and for each the highest score that keeps to it. Between them the rate's logarithm is linear.

    Both are stored in as many digits as mean something.
    """

    rates: tuple[Annotated[float, PlainSerializer(lambda rate: float(f"{rate:.4g}"))], ...]
    scores: tuple[Annotated[float, PlainSerializer(lambda score: float(f"{score:.5g}"))], ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.rates, self.rates[1:], strict=False))
        ordered = all(a <= b for a, b in zip(self.scores, self.scores[1:], strict=False))
        finite = all(map(math.isfinite, self.scores))
        if not self.rates or len(self.rates) != len(self.scores) or not (rising and ordered and finite):
            raise ValueError("A curve requires rising rates and, for each, a finite score that does not fall.")
        if not 0.0 < self.rates[0] <= self.rates[-1] <= 1.0:
            raise ValueError("Rates are above 0 and at most 1.")

    @property
    def floor(self) -> float:
        """The lowest rate that the data show."""
        return self.rates[0]

    def score(self, rate: float) -> float:
        """Return the highest score that keeps to `rate`; minus infinity where the data do not show such a rate."""
        if rate < self.floor * (1.0 - 1e-9):
            return -math.inf
        return float(np.interp(math.log(rate), np.log(self.rates), self.scores))

    def rate(self, score: float) -> float:
        """Return the rate of a threshold at `score`: never less than the floor, 1 beyond the last score."""
        if math.isnan(score):
            raise ValueError("A score that is not a number has no rate.")
        if score > self.scores[-1]:
            return 1.0
        index = int(np.searchsorted(self.scores, score, side="left"))
        if index == 0:
            return self.rates[0]
        low, high = self.scores[index - 1], self.scores[index]
        share = (score - low) / (high - low)
        return math.exp(math.log(self.rates[index - 1]) * (1 - share) + math.log(self.rates[index]) * share)


def grid(floor: float) -> list[float]:
    """Return the rates at which curves are kept: twelve per decade below 0.1, a few above, from `floor` up to 1."""
    steps = np.arange(-8 * 12, -12) / 12
    rates = [floor, *(float(10.0**step) for step in steps), 0.1, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0]
    return sorted({rate for rate in rates if rate >= floor})


def measure(scores: Numbers, floor: float) -> Curve:
    """Return the curve of impostor scores: at each rate the score that at most this share is at or under.

    `scores` is of shape (n,). `floor` is the lowest rate to keep; it is the caller's to say how many independent errors
    stand behind it.
    """
    ranked = np.sort(scores)
    rates = grid(floor)
    places = (np.asarray(rates) * len(ranked) * (1 + 1e-12)).astype(np.int64) - 1
    kept = ranked[np.clip(places, 0, None)].astype(np.float64)
    return Curve(tuple(rates), tuple(float(score) for score in kept))
