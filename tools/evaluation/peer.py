"""DeepFace's own `verify` on the same pairs, for the models that both have."""

from collections.abc import Sequence

import numpy as np

from pipeline.models.embedders import ModelUnavailable, locate
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from tools.benchmark.deepface_peer import deepface
from tools.evaluation.layout import Dataset, Pair
from tools.evaluation.recognition import best_threshold


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
) -> tuple[float, float]:
    """Run `DeepFace.verify` with MTCNN on the pairs; it uses our weight files, so nothing is downloaded.

    Returns its accuracy by its published threshold, and at the threshold that is best for these pairs. Raises
    `ModelUnavailable` where DeepFace or the weights are missing.
    """
    try:
        with deepface(model, locate(REGISTRY[model], weights)) as module:
            found = [
                module.verify(
                    img1_path=str(data.files[pair.left]), img2_path=str(data.files[pair.right]), model_name=model,
                    detector_backend="mtcnn", distance_metric=sim_func, enforce_detection=False, silent=True,
                )
                for pair in pairs
            ]  # fmt: skip
    except ImportError as error:
        raise ModelUnavailable("DeepFace is not installed: pip install deepface tf-keras mtcnn") from error
    same = np.array([pair.same for pair in pairs])
    scores = np.array([float(one["distance"]) for one in found])
    decided = np.array([bool(one["verified"]) for one in found])
    return float((decided == same).mean()), float(((scores <= best_threshold(scores, same)) == same).mean())
