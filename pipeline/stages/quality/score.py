"""From measured components to one score: limits that cap it, and a fitted utility that orders the rest."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

PASS = 7.0
"""Where a component at its threshold puts the score: the default SCORE_TOL."""

FARTHEST = 4.0
"""How many spreads from the middle a component counts at most in the utility."""

TAIL = 1.5
"""How many spreads to the bad side of the middle a component's tail begins."""


@dataclass(frozen=True)
class Limit:
    """How one component caps the score: 0 at `worst`, 7 at `threshold`, 10 at `fine`, straight lines between."""

    worst: float
    threshold: float
    fine: float

    def cap(self, value: float) -> float:
        """Return the highest score, 0 to 10, that a photo of this value may have."""
        if self.passes(value):
            rest = (value - self.threshold) / (self.fine - self.threshold)
            return PASS + (10 - PASS) * min(1.0, rest)
        return PASS * max(0.0, (value - self.worst) / (self.threshold - self.worst))

    def passes(self, value: float) -> bool:
        """Whether the value is on the good side of the threshold, or at it."""
        return (value - self.threshold) * (self.fine - self.threshold) >= 0


@dataclass(frozen=True)
class Term:
    """One component's part in the utility, straight in its distance from `middle`, and steeper in its bad tail.

    `spread` is the distance's unit, negative where less is better; `tail` adds to the weight from `TAIL` spreads to
    the bad side of the middle on.
    """

    middle: float
    spread: float
    weight: float
    tail: float = 0.0

    def distance(self, measured: float) -> float:
        """Return how many spreads to the good side the component is, -4 to 4, so that none outweighs all others."""
        return max(-FARTHEST, min(FARTHEST, (measured - self.middle) / self.spread))

    def value(self, measured: float) -> float:
        """Return the part."""
        distance = self.distance(measured)
        return self.weight * distance + self.tail * min(0.0, distance + TAIL)

    def measured_at(self, value: float) -> float | None:
        """Return what has to be measured for this part, None where nothing within four spreads gives it."""
        straight = value / self.weight if self.weight else math.copysign(math.inf, value)
        steep = self.weight + self.tail
        distance = straight if straight >= -TAIL or not steep else (value - TAIL * self.tail) / steep
        return self.middle + distance * self.spread if abs(distance) <= FARTHEST else None


@dataclass(frozen=True)
class Utility:
    """The log odds that a genuine comparison of this photo succeeds, as a sum of terms over component names."""

    bias: float
    terms: Mapping[str, Term]

    def odds(self, measured: Mapping[str, float]) -> float:
        """Return the log odds for measured components; all of the terms' components must be there."""
        return self.bias + sum(term.value(measured[name]) for name, term in self.terms.items())

    def threshold(self, name: str) -> float | None:
        """Return what a component has to be for a score of 7 if the others are in the middle, None if it may be any."""
        return self.terms[name].measured_at(math.log(PASS / (10 - PASS)) - self.bias)

    def score(self, measured: Mapping[str, float]) -> float:
        """Return ten times the estimated probability that such a comparison succeeds."""
        return 10 / (1 + math.exp(-self.odds(measured)))


@dataclass(frozen=True)
class Fitted:
    """Everything fitted: `limits` by component, `utilities` by the models whose looks they use, most first."""

    limits: Mapping[str, Limit]
    utilities: tuple[Utility, ...]

    def utility(self, measured: Mapping[str, float]) -> Utility:
        """Return the first utility all of whose components were measured; the last one needs pixels only."""
        return next(one for one in self.utilities if all(name in measured for name in one.terms))


@cache
def shipped() -> Fitted:
    """Read the shipped limits and weights, fitted by `bin/fit-quality` (see docs/quality.md)."""
    return TypeAdapter(Fitted).validate_json(Path(__file__).with_name("fitted.json").read_bytes())
