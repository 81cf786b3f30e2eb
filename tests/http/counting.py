"""Real models that count what they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap.models import LoadedModels
from env_validator import Settings
from pipeline.types import BothSides, Crop, Detection, Detector, Embedder, Floats, Pixels
from tests.http.site import Site


class CountingEmbedder:
    """A model that counts the faces of each call."""

    def __init__(self, model: Embedder) -> None:
        self.model = model
        self.faces: list[int] = []
        self.name, self.version, self.size = model.name, model.version, model.size

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Count, and embed with the model."""
        return self.both_sides(crops).mean

    def both_sides(self, crops: Sequence[Crop]) -> BothSides:
        """Count, and embed with the model."""
        self.faces.append(len(crops))
        return self.model.both_sides(crops)


@dataclass
class CountingDetector:
    """A detector that counts the photos of each call in which there are any."""

    model: Detector
    photos: list[int] = field(default_factory=list)

    def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
        """Count, and find faces with the model."""
        self.photos += [len(photos)] if photos else []
        return self.model.detect(photos)


class CountingModels(LoadedModels):
    """Real models, each counting; the same ones every time."""

    def __init__(self, weights: Path) -> None:
        super().__init__(weights)
        self._counting: dict[str, CountingEmbedder] = {}
        self._counting_detector: CountingDetector | None = None

    def detector(self) -> Detector:
        """Return the counting detector."""
        if self._counting_detector is None:
            self._counting_detector = CountingDetector(super().detector())
        return self._counting_detector

    def embedders(self, settings: Settings) -> Mapping[str, Embedder]:
        """Return counting models."""
        real = super().embedders(settings)
        return {name: self._counting.setdefault(name, CountingEmbedder(model)) for name, model in real.items()}


def counts(site: Site, name: str = "Dlib") -> list[int]:
    """Return the sizes of a recognition model's calls since the last time."""
    model = site.services().embedders[name]
    assert isinstance(model, CountingEmbedder)
    calls, model.faces = model.faces, []
    return calls


def detections(site: Site) -> list[int]:
    """Return the sizes of the detector's calls since the last time."""
    detector = site.services().detector
    assert isinstance(detector, CountingDetector)
    calls, detector.photos = detector.photos, []
    return calls
