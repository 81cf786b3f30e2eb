"""Fusing several models' distances to one score, trained on pairs of photos."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.types import Bools, Counts, Doubles, Floats

MOST_IMPOSTORS = 1_000_000
"""Impostor pairs that a fit uses; more change the weights by less than their spread over people."""


FAVOUR = 0.5
"""What remains of a slope that favours short embeddings, which come from poor photos.

The whole slope makes the fewest errors, but with it the poorest 1 % of LFW's photos have 3 times the stated false
match rate, and who sends photos chooses how poor they are; with half of it they have 1.6 times, at more than half of
the gain.
"""


@dataclass(frozen=True)
class LengthTerm:
    """What embedding lengths say: `slope` times the sum of their logarithms, kept within limits, less `middle`.

    A short embedding comes from a poor photo, whose distances are large even to the same person. The limits are what
    the training data had, so that nothing that is stranger than any photo of theirs gains more by it than those did.
    """

    slope: float
    low: float
    middle: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and -math.inf < self.low <= self.middle <= self.high < math.inf):
            raise ValueError("A length's term requires a finite slope and limits in order.")

    def of(self, lengths: Floats) -> Floats:
        """Return the term of each comparison."""
        term: Floats = (self.slope * (np.clip(lengths, self.low, self.high) - self.middle)).astype(np.float32)
        return term

    @property
    def strictest(self) -> float:
        """The largest term there is."""
        return max(self.slope * (self.low - self.middle), self.slope * (self.high - self.middle))


@dataclass(frozen=True)
class Fusion:
    """The score: the weighted mean of the models' distances, what their lengths say, and a template's correction.

    Weights and slopes are a logistic regression's, so the score falls linearly as the evidence (the logarithm of the
    odds that the two are one person) rises. The weights sum to 1, so a score is on the distances' scale.

    A template of m photos has less noise than one photo and is closer to everybody, strangers included: without a
    correction a person enrolled with six photos would be several times as easy to impersonate as with one. So
    `template_shift` * (1 - 1/m) is added, the form that the measured distances of strangers follow.
    """

    models: tuple[str, ...]
    weights: tuple[float, ...]
    lengths: tuple[LengthTerm, ...]
    template_shift: float = 0.0

    def __post_init__(self) -> None:
        if not len(self.models) == len(self.weights) == len(self.lengths) or abs(sum(self.weights) - 1.0) > 1e-6:
            raise ValueError("Every model has one weight and one length's term, and the weights sum to 1.")
        if not self.models or min(self.weights) < 0.0:
            raise ValueError("Weights are 0 or more: no model's distance may speak for an impostor.")
        if not 0.0 <= self.template_shift < float("inf"):
            raise ValueError("A template's correction is 0 or more: it never makes a score better.")

    def fuse(
        self,
        distances: Mapping[str, Floats],
        enrolled: Counts | int | None = None,
        lengths: Mapping[str, Floats] | None = None,
    ) -> Floats:
        """Fuse each model's distances (same shape for all) to float32 of that shape.

        `enrolled` says how many photos are behind each template of the last axis (1 for a photo of its own),
        `lengths` holds each model's `pipeline.stages.distance.lengths`. Where either is not known, the strictest
        value counts. Raises `KeyError` where a model is missing, `ValueError` where a number is not finite, shapes
        differ or a count is below 1.
        """
        parts = [np.asarray(distances[name], dtype=np.float32) for name in self.models]
        if len({part.shape for part in parts}) != 1 or not all(np.isfinite(part).all() for part in parts):
            raise ValueError("Every model has one finite distance per comparison.")
        fused = parts[0] * np.float32(self.weights[0])
        for part, weight in zip(parts[1:], self.weights[1:], strict=True):
            fused = fused + part * np.float32(weight)
        for name, term in zip(self.models, self.lengths, strict=True):
            fused = fused + (np.float32(term.strictest) if lengths is None else _term(term, lengths[name], fused))
        counts = np.asarray(np.inf if enrolled is None else enrolled, dtype=np.float64)
        if not (counts >= 1.0).all():
            raise ValueError("Behind every template is at least one photo.")
        shifted: Floats = fused + (self.template_shift * (1.0 - 1.0 / counts)).astype(np.float32)
        return shifted


def plain(model: str) -> Fusion:
    """Return the fusion whose score is one model's distance and nothing else."""
    return Fusion((model,), (1.0,), (LengthTerm(0.0, 0.0, 0.0, 0.0),))


def fit(
    distances: Mapping[str, Floats], lengths: Mapping[str, Floats], same: Bools, importance: Doubles, seed: int
) -> Fusion:
    """Fit the score on pairs: every model's distances and lengths, shape (pairs,), and whether they show one person.

    `importance`, of the same shape, weighs the genuine pairs (so that nobody with many photos dominates). Impostors
    keep their natural share, which puts the regression's emphasis on the tail that false matches come from.
    Raises `ValueError` where no model tells people apart.
    """
    models = tuple(distances)
    impostors = np.flatnonzero(~same)
    kept = impostors
    if len(impostors) > MOST_IMPOSTORS:
        kept = np.random.default_rng(seed).choice(impostors, MOST_IMPOSTORS, replace=False)
    rows = np.concatenate([np.flatnonzero(same), kept])
    limits = [np.quantile(lengths[name][rows[-len(kept) :]], (0.01, 0.5, 0.99)) for name in models]
    clipped = [np.clip(lengths[name][rows], low, high) for name, (low, _, high) in zip(models, limits, strict=True)]
    features = np.stack([*(distances[name][rows] for name in models), *clipped], axis=1).astype(np.float64)
    weights = np.where(same[rows], importance[rows], len(impostors) / max(len(kept), 1))
    slopes = -_logistic(features, same[rows].astype(np.float64), weights)
    own = np.maximum(slopes[: len(models)], 0.0)
    if not own.sum() > 0.0:
        raise ValueError("No model tells genuine pairs from impostors.")
    terms = tuple(
        LengthTerm(float(slope / own.sum()) * (FAVOUR if slope > 0.0 else 1.0), float(low), float(middle), float(high))
        for slope, (low, middle, high) in zip(slopes[len(models) :], limits, strict=True)
    )
    return Fusion(models, tuple(float(one) for one in own / own.sum()), terms)


def _term(term: LengthTerm, lengths: Floats, like: Floats) -> Floats:
    if lengths.shape != like.shape or not np.isfinite(lengths).all():
        raise ValueError("Every model has one finite length per comparison.")
    return term.of(lengths)


def _logistic(features: Doubles, labels: Doubles, weights: Doubles) -> Doubles:
    """Return the slopes of a weighted logistic regression by Newton's method, with a small ridge."""
    middle, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    design = np.column_stack([np.ones(len(features)), (features - middle) / spread])
    found = np.zeros(design.shape[1])
    found[0] = np.log((weights * labels).sum() / (weights * (1 - labels)).sum())
    ridge = 1e-3 * np.eye(design.shape[1])
    for _ in range(50):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ found, -30, 30)))
        gradient = design.T @ (weights * (labels - chance)) - ridge @ found
        curvature = (design * (weights * chance * (1 - chance))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, gradient)
        found = found + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-6:
            break
    slopes: Doubles = found[1:] / spread
    return slopes
