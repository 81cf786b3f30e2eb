"""The calibration file: what the scorer reads, and what people want to know about how it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.scoring.store import FORMAT, write
from tools.calibration import trials
from tools.calibration.build import Calibration
from tools.calibration.sample import Sample


def describe(
    versions: Mapping[str, str],
    data: Mapping[str, Any],
    sample: Sample,
    calibrations: Mapping[str, Calibration],
    strangers: Mapping[str, Any],
    rates: Sequence[float],
) -> dict[str, Any]:
    """Return the file's content for one set of models.

    `versions` are the models' `Embedder.version`s, `data` names what was measured on (name, SHA-256, photos without a
    face), `calibrations` holds one per SIM_FUNC, `strangers` what each promised to one half of the people and did to
    the other.
    """
    photos = np.bincount(sample.person)
    measured_on = {
        **data,
        "people": int((photos > 0).sum()),
        "people_with_two_photos": int((photos > 1).sum()),
        "faces": len(sample.person),
        "num_aug": sample.num_aug,
        "ver_tol_aug": trials.VER_TOL_AUG,
    }
    return {
        "format": FORMAT,
        "models": dict(versions),
        "data": measured_on,
        "rates": list(rates),
        "sim_funcs": {
            sim_func: {
                "thresholds": one.thresholds,
                "strangers": strangers.get(sim_func),
                **write(one.measured),
            }
            for sim_func, one in calibrations.items()
        },
    }
