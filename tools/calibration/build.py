"""A calibration of one set of models and one SIM_FUNC from a sample of faces, and the content of its file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.registry import AUGMENTATION_VERSION
from pipeline.scoring.curve import LEAST_ERRORS, Curve, measure
from pipeline.scoring.fusion import Fusion, fit, plain
from pipeline.scoring.scorer import Budget, Measured
from pipeline.scoring.store import FORMAT, write
from tools.calibration.bootstrap import table
from tools.calibration.sample import ModelPairs, PairScores, Sample, model_pairs
from tools.calibration.trials import VER_TOL_AUG, Trials

RATES = (1e-2, 1e-3, 1e-4, 1e-5)
"""The false match rates whose thresholds are reported."""

BUDGET = Budget(first=0.85, second=0.05, search=0.1)
"""How the stated rate is split by default; see `pipeline.scoring.scorer`."""


FUSED = "fused"
"""The name of the fused score among the names of the models."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the scorer needs, the thresholds for people to read, and the single comparisons' scores for plots."""

    measured: Measured
    thresholds: dict[str, Any]
    pairs: PairScores


def calibrate(
    sample: Sample,
    sim_func: str,
    rates: Sequence[float] = RATES,
    bootstraps: int = 200,
    draws: int = 2,
    seed: int = 1,
) -> Calibration:
    """Calibrate all models of `sample` together; the same sample and seed give the same calibration.

    `bootstraps` is the number of draws of people behind each interval, `draws` how often photos are assigned to
    requests and enrolments. Raises `ValueError` where the sample has no genuine pair or too few people.
    """
    compared = model_pairs(sample, sim_func)
    fusion = fitted(sample, compared, sim_func, seed)
    pairs = compared.scored(fusion)
    thresholds = {FUSED: table(pairs, rates, bootstraps, seed)}
    models = {}
    for name in fusion.models:
        alone = compared.scored(plain(name))
        thresholds[name] = table(alone, rates, bootstraps, seed)
        models[name] = single_comparison(alone)
    requests = Trials(sample, sim_func, fusion, seed)
    augmented, second = requests.second_looks()
    first, searches = requests.first_looks(draws), requests.searches()
    measured = Measured(fusion, BUDGET, single_comparison(pairs), augmented, first, second, searches, models)
    return Calibration(measured, thresholds, pairs)


def fitted(sample: Sample, compared: ModelPairs, sim_func: str, seed: int) -> Fusion:
    """Return the fusion of the sample's models, with the correction for templates."""
    same = compared.same
    if not same.any() or same.all():
        raise ValueError("A calibration requires two photos of somebody, and two people.")
    importance = 1.0 / np.maximum(np.bincount(sample.person)[compared.left] - 1, 1)
    fusion = fit(compared.distances, compared.lengths, same, importance, seed)
    return replace(fusion, template_shift=Trials(sample, sim_func, fusion, seed).template_shift())


def single_comparison(pairs: PairScores) -> Curve:
    """Return the false match rate of one comparison of two photos, over every pair of photos."""
    return measure(pairs.impostor, LEAST_ERRORS / len(pairs.impostor))


def describe(
    versions: Mapping[str, str],
    data: Mapping[str, Any],
    sample: Sample,
    calibrations: Mapping[str, Calibration],
    strangers: Mapping[str, Any],
    rates: Sequence[float],
) -> dict[str, Any]:
    """Return the file's content for one set of models: what the scorer reads, and how it was measured.

    `versions` are the models' `Embedder.version`s, `data` describes the photos (name, SHA-256, photos without a face),
    `calibrations` has one per SIM_FUNC, `strangers` the result of calibrating on one half of the people and testing on
    the other.
    """
    photos = np.bincount(sample.person)
    measured_on = {
        **data,
        "people": int((photos > 0).sum()),
        "people_with_two_photos": int((photos > 1).sum()),
        "faces": len(sample.person),
        "num_aug": sample.num_aug,
        "ver_tol_aug": VER_TOL_AUG,
    }
    return {
        "format": FORMAT,
        "models": dict(versions),
        "augmentation": AUGMENTATION_VERSION,
        "data": measured_on,
        "rates": list(rates),
        "sim_funcs": {
            sim_func: {"thresholds": one.thresholds, "strangers": strangers.get(sim_func), **write(one.measured)}
            for sim_func, one in calibrations.items()
        },
    }
