"""Detector, recognition models and liveness model, loaded once each; what cannot be had is said in `.env`'s words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.faults import LoadFault
from env_validator import Settings
from pipeline.registry import FASNET_WEIGHTS, REGISTRY
from pipeline.types import Detector, Embedder, LivenessJudge

if TYPE_CHECKING:
    from pipeline.models.weights import WeightStore

WEIGHTS = Path(__file__).resolve().parents[1] / "bin" / "model" / "weights"
"""Where weights lie that were fetched once."""

FETCH_TIMEOUT_S = 60.0


class LoadedModels:
    """Models by name; each is loaded and warmed at its first use and kept. Thread-safe."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        from pipeline.models.bank import ModelBank
        from pipeline.models.embedders import load_embedder
        from pipeline.models.mtcnn import MtcnnDetector

        self._weights, self._mirror = weights, ""
        self.bank = ModelBank(MtcnnDetector, lambda spec: load_embedder(spec, self._store()))

    def detector(self) -> Detector:
        """Return the face detector."""
        return self.bank.detector()

    def embedders(self, settings: Settings) -> Mapping[str, Embedder]:
        """Return the selected models in their order; raises `LoadFault` with a line for each that cannot be had."""
        from pipeline.models.runtime import ModelUnavailable

        self._mirror = settings.model_mirror
        try:
            return self.bank.embedders([REGISTRY[name] for name in settings.selected_models])
        except ModelUnavailable as faults:
            lines = [f"SELECTED_MODELS: {line}" for line in str(faults).splitlines()]
            raise LoadFault(lines) from faults

    def close(self) -> None:
        """Let go of all models."""
        self.bank.close()

    def _store(self) -> WeightStore:
        from pipeline.models.weights import WeightStore

        return WeightStore(self._weights, self._mirror or None)


def load_liveness(settings: Settings) -> LivenessJudge:
    """Load the liveness engines; raises `Refusal(NO_LIVENESS)`."""
    from pipeline.models.liveness import load_judge

    file = settings.model_path / settings.model_name
    pinned, graphs = settings.model_sha256 or None, WEIGHTS / "compiled"
    return load_judge(settings.liveness_engines, file, pinned, fasnet_folder(settings), graphs)


def fasnet_folder(settings: Settings) -> Path:
    """Return the folder that holds Fasnet's weights: the server's own, or MODEL_MIRROR where it is a folder."""
    from pipeline.models.weights import WeightStore

    store = WeightStore(WEIGHTS, settings.model_mirror or None)
    found = [store.find(one.file, one.sha256) for one in FASNET_WEIGHTS]
    return found[0].parent if found[0] is not None else WEIGHTS


def fetch_liveness(settings: Settings) -> None:
    """Bring the liveness model from MODEL_URL to where it is looked for; raises `OSError` where that fails."""
    from pipeline.models.weights import WeightStore

    store = WeightStore(settings.model_path, settings.model_mirror or None)
    store.fetch(settings.model_name, settings.model_url, settings.model_sha256 or None, FETCH_TIMEOUT_S)
