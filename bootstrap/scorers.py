"""The scorers of the selected models: all together, and each that can decide by itself."""

import logging
from collections.abc import Mapping

from bootstrap.models import LoadFault
from env_validator import Settings
from pipeline.scoring import CalibrationFault, load_scorer
from pipeline.types import Embedder, Scorer

_log = logging.getLogger(__name__)


def scorer_of(settings: Settings, embedders: Mapping[str, Embedder]) -> Scorer:
    """Return the scorer of these models together; raises `LoadFault` where they cannot be scored."""
    try:
        scorer = _load(settings, embedders)
    except CalibrationFault as fault:
        raise LoadFault([f"SELECTED_MODELS: {fault}"]) from fault
    if not scorer.calibrated:
        _log.warning(
            "%s with %s is not calibrated: published thresholds decide; run bin/calibrate",
            ",".join(embedders),
            settings.sim_func,
        )
    return scorer


def scorers_alone(settings: Settings, embedders: Mapping[str, Embedder]) -> dict[str, Scorer]:
    """Return a scorer for each of several models that can decide by itself; none where one model is selected."""
    found: dict[str, Scorer] = {}
    for name, embedder in embedders.items() if len(embedders) > 1 else ():
        try:
            found[name] = _load(settings, {name: embedder})
        except CalibrationFault as fault:
            _log.info("%s decides only together with the other models: %s", name, fault)
    return found


def _load(settings: Settings, embedders: Mapping[str, Embedder]) -> Scorer:
    versions = {name: embedder.version for name, embedder in embedders.items()}
    rates = settings.num_aug, settings.ver_fmr, settings.search_fpir
    return load_scorer(versions, settings.sim_func, *rates, settings.calibration_folder)
