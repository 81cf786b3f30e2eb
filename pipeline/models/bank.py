"""The face detector and the recognition models of one server: loaded once, warmed, and let go together."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import numpy as np

from pipeline.models.runtime import ModelUnavailable
from pipeline.registry import ModelSpec
from pipeline.types import Box, Crop, Detector, Embedder


class ModelBank:
    """Gives models by what they are needed for; each is loaded at most once, whoever asks first.

    `load_detector` and `load_embedder` do the loading and may raise `ModelUnavailable`; a failed load is tried again
    at the next request. Safe to call from several threads.
    """

    def __init__(self, load_detector: Callable[[], Detector], load_embedder: Callable[[ModelSpec], Embedder]) -> None:
        self._load_detector, self._load_embedder = load_detector, load_embedder
        self._lock = Lock()
        self._detector: Detector | None = None
        self._embedders: dict[str, Embedder] = {}

    def detector(self) -> Detector:
        """Return the detector, warmed; raises `ModelUnavailable`."""
        with self._lock:
            if self._detector is None:
                detector = self._load_detector()
                detector.detect([np.full((480, 640, 3), 127, np.uint8)])  # so that no request pays for the first call
                self._detector = detector
            return self._detector

    def embedders(self, specs: Sequence[ModelSpec]) -> dict[str, Embedder]:
        """Return the models in the order of `specs`, warmed; those that are missing are loaded side by side.

        Raises `ModelUnavailable` with a line for each model that cannot be had; the others stay loaded.
        """
        with self._lock:
            missing = [spec for spec in specs if spec.name not in self._embedders]
            faults: list[str] = []
            with ThreadPoolExecutor(max_workers=max(1, len(missing))) as pool:
                for spec, embedder in zip(missing, pool.map(self._try_loading, missing), strict=True):
                    if isinstance(embedder, ModelUnavailable):
                        faults.append(str(embedder))
                    else:
                        self._embedders[spec.name] = embedder
            if faults:
                raise ModelUnavailable("\n".join(faults))
            return {spec.name: self._embedders[spec.name] for spec in specs}

    def close(self) -> None:
        """Let go of all models."""
        with self._lock:
            self._detector = None
            self._embedders.clear()

    def _try_loading(self, spec: ModelSpec) -> Embedder | ModelUnavailable:
        try:
            embedder = self._load_embedder(spec)
        except ModelUnavailable as fault:
            return fault
        _warm(embedder)
        return embedder


def _warm(embedder: Embedder) -> None:
    """Run a model on one face and on several, the sizes of batch that requests bring."""
    landmarks = np.array([[68, 85], [110, 85], [89, 108], [72, 132], [107, 132]], np.float32)
    crop = Crop(np.full((220, 180, 3), 127, np.uint8), landmarks, Box(45, 55, 90, 110), "0" * 64)
    for count in (1, 8):
        embedder.embed([crop] * count)
