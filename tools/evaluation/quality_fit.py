"""Fitting the quality score: the occlusion model, the limits that cap the score, and the utility that orders the rest.

Everything here works on measured components; `quality_data` collects them. Held-out figures come from folds that no
person is on both sides of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from pipeline.stages.quality.score import TAIL, Limit, Term, Utility
from pipeline.types import Bools, Doubles
from tools.calibration.sample import Ints

RIDGE = 1e-2
"""Regularisation of the occlusion model, on weights of features between 0 and 1 and outcomes of -1 and 1."""


@dataclass(frozen=True)
class Rule:
    """How a component's limit is found.

    `kind` names the degraded copies that it has to stop, None where the `spared` share of portraits passes instead; the
    limit is as lenient as it may be while the `stopped` share of these copies fails it;
    `higher` tells whether more is better; `margin` is how far the threshold moves through the gap, if there is one,
    towards the worst of a thousand portraits; `least` is the threshold itself where it is a requirement; `ramp` is how
    far above the threshold the score begins to be capped, as a share of how far below it the score is 0.
    """

    kind: str | None
    higher: bool
    spared: float = 0.0
    margin: float = 0.0
    least: float | None = None
    ramp: float = 0.1
    stopped: float = 0.975


LOWER_IS_BETTER = frozenset({"FaceOcclusionPrevention", "OverExposurePrevention", "CompressionArtifacts"})

RULES: Mapping[str, Rule] = {
    "InterEyeDistance": Rule("small", True, least=24.0),
    "HeadPoseYaw": Rule(None, False, spared=0.965, ramp=0.05),
    "HeadPosePitch": Rule(None, False, spared=0.998),
    "Sharpness": Rule("blur", True, margin=0.25),
    "UnderExposurePrevention": Rule("underexposure", True),
    "OverExposurePrevention": Rule("overexposure", False, margin=0.25),
    "CompressionArtifacts": Rule("jpeg5", False, margin=0.33),
    # Its model has learnt from these very copies: of other people's, three in a hundred fewer fail.
    "FaceOcclusionPrevention": Rule("covered", False, stopped=0.99),
}


def fit_limit(rule: Rule, portraits: Doubles, copies: Doubles) -> Limit:
    """Fit one limit. `portraits` are the component's values (n,), `copies` those of the kind, NaN where no face.

    The score falls to 0 at the value of the worst copies in twenty, and is no longer capped from a value that 98 in a
    hundred portraits reach: among ordinary photos the utility alone decides the order.
    """
    sign = 1.0 if rule.higher else -1.0
    usual = sign * portraits
    if rule.kind is None:
        threshold = float(np.quantile(usual, 1 - rule.spared))
        worst = threshold - 2 * (float(np.median(usual)) - threshold)
    else:
        seen = np.where(np.isnan(copies), -np.inf, sign * copies)
        threshold = rule.least if rule.least is not None else float(np.quantile(seen, rule.stopped))
        threshold += rule.margin * max(0.0, float(np.quantile(usual, 0.001)) - threshold)
        worst = float(np.quantile(seen[np.isfinite(seen)], 0.05))
    fine = max(float(np.quantile(usual, 0.02)), threshold + rule.ramp * abs(threshold - worst))
    worst = min(worst, threshold - 0.5 * (fine - threshold))
    return Limit(*(_short(sign * value) for value in (worst, threshold, fine)))


def fit_limits(names: Sequence[str], portraits: Doubles, copies: Mapping[str, Doubles]) -> dict[str, Limit]:
    """Fit every limit of `RULES` on components (n, k) in the order of `names`; NaN is a copy without a face."""
    found = {}
    for name, rule in RULES.items():
        of_kind = copies[rule.kind] if rule.kind else portraits[:0]
        usual, worse = portraits[:, names.index(name)], of_kind[:, names.index(name)]
        sizes = (np.abs(usual), np.abs(worse)) if name.startswith("HeadPose") else (usual, worse)
        found[name] = fit_limit(rule, *sizes)
    return found


def fit_linear(features: Doubles, positive: Bools) -> tuple[Doubles, float]:
    """Return weights (d,) and bias of the ridge regression to 1 for positive and -1 for negative rows.

    Both classes count the same, however many rows they have.
    """
    share = np.where(positive, 0.5 / positive.sum(), 0.5 / (~positive).sum())
    outcome = np.where(positive, 1.0, -1.0)
    mean = share @ features
    centred = features - mean
    gram = centred.T @ (centred * share[:, None]) + RIDGE * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (share * outcome))
    return weights, float(share @ outcome - mean @ weights)


def fit_utility(names: Sequence[str], values: Doubles, left: Ints, right: Ints, success: Bools) -> Utility:
    """Fit the log odds that a genuine comparison succeeds as a sum over its two photos.

    `values` (n, k) are the photos' components in the order of `names`; `left`, `right` and `success` are of shape
    (pairs,). A logistic regression in which both photos share their weights; the bias is that of a comparison with a
    photo whose components are all in the middle.
    """
    middle = np.median(values, axis=0)
    spread = (np.quantile(values, 0.84, axis=0) - np.quantile(values, 0.16, axis=0)) / 2
    terms = [
        Term(_short(m), _short(-s if name in LOWER_IS_BETTER else s), 1.0)
        for name, m, s in zip(names, middle, spread, strict=True)
    ]
    far = np.array([[term.distance(v) for v in column] for term, column in zip(terms, values.T, strict=True)]).T
    parts = np.hstack([far, np.minimum(0.0, far + TAIL)])
    weights = _logistic(parts[left] + parts[right], success.astype(np.float64))
    steep, tails = weights[1 : 1 + len(names)], weights[1 + len(names) :]
    fitted = {
        name: Term(term.middle, term.spread, _short(weight), _short(tail))
        for name, term, weight, tail in zip(names, terms, steep, tails, strict=True)
    }
    return Utility(_short(weights[0]), fitted)


def _logistic(parts: Doubles, outcome: Doubles, ridge: float = 1.0) -> Doubles:
    """Return bias and weights of a logistic regression; no weight is below zero, since no part is bad for a photo."""
    design = np.column_stack([np.ones(len(parts)), parts])
    penalty = np.array([0.0, *[ridge] * parts.shape[1]])

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        odds = design @ weights
        value = np.logaddexp(0, odds).sum() - outcome @ odds + penalty @ weights**2 / 2
        return float(value), design.T @ (expit(odds) - outcome) + penalty * weights

    bounds = [(None, None), *[(0.0, None)] * parts.shape[1]]
    found = minimize(loss, np.zeros(design.shape[1]), jac=True, bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-9})
    return np.asarray(found.x, np.float64)


def folds_of(person: Ints, count: int = 5) -> Ints:
    """Return a fold, 0 to count - 1, for every photo, the same for all photos of a person."""
    people = np.random.default_rng(0).integers(0, count, int(person.max()) + 1)
    return np.asarray(people[person], dtype=np.int64)


def _short(value: float) -> float:
    """Round to four digits, so that what is shown is what is used."""
    return float(f"{value:.4g}")
