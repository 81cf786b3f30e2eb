"""Detector and recognition models, loaded once each; what cannot be had is said in `.env`'s words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.faults import LoadFault
from env_validator import Settings
from pipeline.registry import REGISTRY
from pipeline.types import Detector, Embedder

if TYPE_CHECKING:
    from pipeline.models.weights import WeightStore

WEIGHTS = Path(__file__).resolve().parents[1] / "bin" / "model" / "weights"
"""Where weights lie that were fetched once."""


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
