"""Does a calibration keep its promise on strangers? One half of the people calibrates, the other one tests it."""

from typing import Any

import numpy as np

from pipeline.scoring.scorer import CalibratedScorer
from tools.calibration.build import calibrate
from tools.calibration.sample import Sample, model_pairs
from tools.evaluation import system
from tools.evaluation.recognition import accept_rates

FMR, FPIR = 1e-3, 1e-2
SPLITS = 4


def promise(sample: Sample, sim_func: str, seed: int) -> dict[str, Any] | None:
    """Return what both halves' calibrations do on the other half, averaged; None where the halves are too small.

    `fmr_measured` is the whole accept rule's at a stated FMR of 1e-3; `tar` the true accept rates of single
    comparisons by the fused score at 1e-3 and 1e-4, over the other half's pairs.
    """
    people = np.unique(sample.person)
    first = np.zeros(int(people.max()) + 1, dtype=np.bool_)
    first[np.random.default_rng([seed, 71]).permutation(people)[: len(people) // 2]] = True
    found = []
    for half in (first, ~first):
        known, strangers = sample.of_people(half), sample.of_people(~half)
        try:
            found.append(_on_strangers(known, strangers, sim_func, seed))
        except ValueError:
            return None
    return {
        "fmr_stated": FMR,
        "fmr_measured": float(np.mean([one["fmr"] for one in found])),
        "fnmr_measured": float(np.mean([one["fnmr"] for one in found])),
        "tar": {name: _mean([one[name] for one in found]) for name in ("1e-3", "1e-4")},
    }


def _on_strangers(known: Sample, strangers: Sample, sim_func: str, seed: int) -> dict[str, Any]:
    made = calibrate(known, sim_func, rates=(), seed=seed)
    scorer = CalibratedScorer(made.measured, FMR, FPIR)
    accepts = system.run(strangers, scorer, system.Rule(sim_func), {}, SPLITS, seed)
    pairs = model_pairs(strangers, sim_func)
    return accepts.rates("system") | accept_rates(pairs.fused(scorer), pairs.same, (1e-3, 1e-4))


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
