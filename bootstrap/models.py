"""Detector and recognition models, each loaded once. A model that cannot be loaded is a fault of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from env_validator import Settings
from pipeline.registry import REGISTRY
from pipeline.stages.align import crop_face
from pipeline.types import Box, Detection, Detector, Embedder, Face, Photo

if TYPE_CHECKING:
    from pipeline.models.weights import WeightStore

WEIGHTS = Path(__file__).resolve().parents[1] / "bin" / "model" / "weights"
"""Folder of the fetched weights."""

_SAMPLE_SIDE = 640
_SAMPLE_LANDMARKS = np.array([[260, 280], [380, 280], [320, 350], [270, 420], [370, 420]], np.float32)


class LoadFault(Exception):  # noqa: N818 - an answer of its own (176), named like one
    """Faults of the settings that only loading shows; `lines` as in `env_errs`."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class LoadedModels:
    """Models by name; each is loaded and warmed at its first use and kept. Thread-safe."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        from pipeline.models.attributes import AttributeModels
        from pipeline.models.bank import ModelBank
        from pipeline.models.embedders import load_embedder
        from pipeline.models.mtcnn import MtcnnDetector

        self._weights, self._mirror = weights, ""
        self.attributes = AttributeModels(self._store)
        self.bank = ModelBank(MtcnnDetector, lambda spec: load_embedder(spec, self._store()))

    def detector(self) -> Detector:
        """Return the face detector."""
        return self.bank.detector()

    def embedders(self, settings: Settings) -> Mapping[str, Embedder]:
        """Return the selected models in their order; raises `LoadFault` with a line for each that cannot be loaded."""
        from pipeline.models.runtime import ModelUnavailable

        self._mirror = settings.model_mirror
        try:
            return self.bank.embedders([REGISTRY[name] for name in settings.selected_models])
        except ModelUnavailable as faults:
            lines = [f"SELECTED_MODELS: {line}" for line in str(faults).splitlines()]
            raise LoadFault(lines) from faults

    def close(self) -> None:
        """Release all models."""
        self.bank.close()

    def _store(self) -> WeightStore:
        from pipeline.models.weights import WeightStore

        return WeightStore(self._weights, self._mirror or None)


def sample_face() -> Face:
    """Return nobody's face to warm models up with: smooth noise, in a photo of 640 x 640."""
    waves = np.add.outer(np.sin(np.arange(_SAMPLE_SIDE) / 9), np.cos(np.arange(_SAMPLE_SIDE) / 13))
    grey = (waves * 50 + 128).astype(np.uint8)
    photo = Photo("sample", np.repeat(grey[:, :, np.newaxis], 3, axis=2), "0" * 64)
    detection = Detection(Box(200, 180, 240, 300), _SAMPLE_LANDMARKS, 1.0)
    return Face(photo, detection, crop_face(photo, detection))
