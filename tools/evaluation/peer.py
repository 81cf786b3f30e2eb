"""DeepFace's own `verify` on the same pairs, for the models that both have."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.models.embedders import ModelUnavailable, locate
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from tools.evaluation.layout import Dataset, Pair
from tools.evaluation.roc import best_threshold


@dataclass(frozen=True)
class PeerResult:
    """A model's accuracy in DeepFace: by its published threshold, and at the threshold that is best for these pairs."""

    model: str
    pairs: int
    at_published: float
    at_best: float


def models_of_both(models: Sequence[str]) -> list[str]:
    """Return those of `models` that DeepFace also has."""
    return [name for name in models if REGISTRY[name].source in {"dlib", "deepface"}]


def chosen(pairs: Sequence[Pair], count: int, seed: int) -> list[Pair]:
    """Return `count` of the pairs at random, half of them genuine."""
    generator = np.random.default_rng([seed, 61])
    found: list[Pair] = []
    for same in (True, False):
        kind = [pair for pair in pairs if pair.same is same]
        places = generator.permutation(len(kind))[: count // 2]
        found += [kind[int(place)] for place in sorted(places)]
    return found


def deepface_accuracy(
    model: str, data: Dataset, pairs: Sequence[Pair], sim_func: str, weights: WeightStore
) -> PeerResult:
    """Run `DeepFace.verify` with MTCNN on the pairs; it uses our weight files, so nothing is downloaded.

    Raises `ModelUnavailable` where DeepFace or the weights are missing.
    """
    spec = REGISTRY[model]
    source = locate(spec, weights)
    with tempfile.TemporaryDirectory(prefix="faceapp-peer-") as home:
        place = Path(home) / ".deepface" / "weights"
        place.mkdir(parents=True)
        (place / Path(spec.file).name).symlink_to(source.resolve())
        os.environ["DEEPFACE_HOME"] = home
        verify = _verify()
        decided, apart = [], []
        for pair in pairs:
            found = verify(
                img1_path=str(data.files[pair.left]),
                img2_path=str(data.files[pair.right]),
                model_name=model,
                detector_backend="mtcnn",
                distance_metric=sim_func,
                enforce_detection=False,
                silent=True,
            )
            decided.append(bool(found["verified"]))
            apart.append(float(found["distance"]))
    same = np.array([pair.same for pair in pairs])
    scores = np.array(apart)
    best = float(((scores <= best_threshold(scores, same)) == same).mean())
    return PeerResult(model, len(pairs), float((np.array(decided) == same).mean()), best)


def _verify() -> Any:
    try:
        from deepface import DeepFace
    except ImportError as error:
        raise ModelUnavailable("DeepFace is not installed: pip install deepface tf-keras mtcnn") from error
    return DeepFace.verify
