"""The models as operators see them: what they are, under which licence, and which thresholds decide."""

from pathlib import Path
from typing import Any

from bootstrap.models import WEIGHTS
from env_validator import Settings
from pipeline.flows import Services
from pipeline.models.weights import WeightStore
from pipeline.registry import LIVENESS_FILES, REGISTRY
from pipeline.types import LivenessAbout

_OWN_LICENCE = "MIT, parts Apache-2.0, where it is the shipped file"
_stores: dict[str, WeightStore] = {}


def shown_models(settings: Settings, services: Services, liveness: LivenessAbout | None) -> dict[str, Any]:
    """Return recognition models, liveness engines and the calibration of these services."""
    store = _stores.setdefault(settings.model_mirror, WeightStore(WEIGHTS, settings.model_mirror or None))
    return {
        "recognition": [_model(name, services, store) for name in services.embedders],
        "liveness": [_engine(name, settings, store) for name in (liveness.engines if liveness else ())],
        "liveness_reaches": dict(liveness.reaches) if liveness else {},
        "calibration": _calibration(settings, services),
    }


def _model(name: str, services: Services, store: WeightStore) -> dict[str, Any]:
    spec, embedder = REGISTRY[name], services.embedders[name]
    found = store.locate(spec)
    return {
        "name": name,
        "licence": spec.licence,
        "sha256": store.sha256(found) if found else None,
        "version": embedder.version,
        "input": list(spec.input_size),
        "embedding": embedder.size,
        "threshold": round(services.scorer.model_threshold(name), 4),
    }


def _engine(name: str, settings: Settings, store: WeightStore) -> dict[str, Any]:
    files = LIVENESS_FILES.get(name)
    if files is None:
        file = settings.model_path / settings.model_name
        return {"name": name, "licence": _OWN_LICENCE, "files": [_file(file.name, file, store)]}
    found = [_file(one.file, store.find(one.file, one.sha256), store) for one in files]
    return {"name": name, "licence": files[0].licence, "files": found}


def _file(name: str, path: Path | None, store: WeightStore) -> dict[str, str | None]:
    return {"file": name, "sha256": store.sha256(path) if path and path.is_file() else None}


def _calibration(settings: Settings, services: Services) -> dict[str, Any]:
    scorer, images = services.scorer, settings.ver_tol
    return {
        "calibrated": scorer.calibrated,
        "distance": settings.sim_func,
        "false_match_rate": settings.ver_fmr if scorer.calibrated else None,
        "false_positive_search_rate": settings.search_fpir if scorer.calibrated else None,
        "photos_needed": images,
        "threshold": round(scorer.threshold(images, images), 4),
    }
