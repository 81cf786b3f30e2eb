"""DeepFace's models of age, gender and emotion, loaded when they are first asked for. No verdict uses them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from codes_dict import Code, Refusal
from pipeline.models.keras_network import KerasFunction, kept_file, keras_runner
from pipeline.models.runtime import ModelUnavailable, Runner, in_parts
from pipeline.models.weights import WeightStore
from pipeline.registry import AGE, ATTRIBUTE_WEIGHTS, EMOTION, GENDER
from pipeline.stages.align import deepface_crop
from pipeline.types import Crop

SIDE = 224
"""Width and height in pixels of the crop that DeepFace analyses."""
EMOTION_SIDE = 48
_AT_ONCE = 4

Faces = npt.NDArray[np.float32]
"""Faces as DeepFace hands them to its models: BGR, 0 to 1, (n, SIDE, SIDE, 3)."""


@dataclass(frozen=True)
class Network:
    """What a network of DeepFace takes and says.

    `module` builds it; `prepare` makes its input, of `shape` without rows, of faces; `values` names its outputs.
    """

    module: str
    shape: tuple[int, int, int]
    prepare: Callable[[Faces], Faces]
    values: tuple[str, ...]


def _grey(faces: Faces) -> Faces:
    """Return what the emotion model sees: grey, 48 x 48."""
    small = [cv2.resize(cv2.cvtColor(one, cv2.COLOR_BGR2GRAY), (EMOTION_SIDE, EMOTION_SIDE)) for one in faces]
    return np.stack(small)[..., np.newaxis]


_BUILDERS = "deepface.models.demography.tf"
_FACE = (SIDE, SIDE, 3)
NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        AGE: Network(f"{_BUILDERS}.Age", _FACE, lambda faces: faces, tuple(map(str, range(101)))),
        GENDER: Network(f"{_BUILDERS}.Gender", _FACE, lambda faces: faces, ("Woman", "Man")),
        EMOTION: Network(
            f"{_BUILDERS}.Emotion",
            (EMOTION_SIDE, EMOTION_SIDE, 1),
            _grey,
            ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
        ),
    }
)


class AttributeModels:
    """Loads each model once, whoever asks first; see `pipeline.types.Attributes`. Safe to call from several threads."""

    def __init__(self, weights: Callable[[], WeightStore]) -> None:
        self._weights = weights
        self._lock = Lock()
        self._loaded: dict[str, Runner] = {}

    def estimate(self, crops: Sequence[Crop], names: Sequence[str]) -> list[dict[str, dict[str, float]]]:
        """Return each crop's attributes; raises `Refusal(NO_WEIGHTS)` that says which files are missing."""
        runners = self._runners(names)
        if not crops:
            return []
        pixels = np.stack([deepface_crop(crop, (SIDE, SIDE)) for crop in crops])
        faces = np.ascontiguousarray(pixels[..., ::-1]).astype(np.float32) / np.float32(255)
        found = {name: run([NETWORKS[name].prepare(faces)])[0] for name, run in runners.items()}
        return [{name: _shares(name, rows[at]) for name, rows in found.items()} for at in range(len(crops))]

    def _runners(self, names: Sequence[str]) -> dict[str, Runner]:
        with self._lock:
            store = self._weights()
            there = {name: store.find(ATTRIBUTE_WEIGHTS[name].file, None) for name in names if name not in self._loaded}
            missing = [name for name, path in there.items() if path is None]
            if missing:
                raise Refusal(Code.NO_WEIGHTS, advice=_where(missing), field="actions")
            for name, path in there.items():
                if path is not None:
                    self._loaded[name] = _load(name, path, store)
            return {name: self._loaded[name] for name in names}


def _load(name: str, path: Path, store: WeightStore) -> Runner:
    network, file = NETWORKS[name], ATTRIBUTE_WEIGHTS[name].file
    kept = kept_file(store.folder / "compiled", name, store.sha256(path))

    def load() -> KerasFunction:
        from pipeline.models.zoo import built_by, deepface_network

        model = deepface_network(name, file, path, lambda: built_by(network.module))
        return KerasFunction(lambda faces: model(faces, training=False), [(network.shape, np.float32)])

    try:
        return in_parts(keras_runner(load, kept, 0, 1), _AT_ONCE)
    except ModelUnavailable as fault:
        raise Refusal(Code.NO_WEIGHTS, str(fault), advice=f"{file} does not hold {name}'s weights.") from fault


def _shares(name: str, row: Any) -> dict[str, float]:
    if row.shape != (len(NETWORKS[name].values),) or not np.isfinite(row).all():
        raise Refusal(Code.NO_WEIGHTS, f"{name} gave {row.shape}, or no numbers", advice=f"{name} gives no result.")
    return dict(zip(NETWORKS[name].values, map(float, row), strict=True))


def _where(missing: Sequence[str]) -> str:
    files = ", ".join(ATTRIBUTE_WEIGHTS[name].file for name in missing)
    which = " ".join(name.capitalize() for name in missing)
    return (
        f"The weights of {', '.join(missing)} are not on this server. An operator puts {files} into "
        f"bin/model/weights, or runs bin/fetch-models {which}."
    )
