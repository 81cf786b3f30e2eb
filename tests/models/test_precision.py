"""float32 and bfloat16: the same person within the noise between two photos, under versions of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.models.embedders import load_embedder
from pipeline.models.runtime import BFLOAT16, FLOAT32
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY, other_precision
from pipeline.stages.augment import augment
from pipeline.types import Floats
from tests.models.faces import crop_of

pytestmark = pytest.mark.models


def unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("name", ["Dlib", "MobileFaceNet", "SFace"])
def test_both_precisions_give_the_same_person(name: str, shared_data: Path, tmp_path: Path, astronaut: bytes) -> None:
    weights = WeightStore(tmp_path, str(shared_data / "weights"))
    exact, fast = (load_embedder(REGISTRY[name], weights, precision) for precision in (FLOAT32, BFLOAT16))
    crops = augment(crop_of(astronaut), 6)
    ours, theirs = unit(exact.embed(crops)), unit(fast.embed(crops))
    between_precisions = (1 - (ours * theirs).sum(axis=1)).max()
    between_photos = np.median((1 - ours @ ours.T)[np.triu_indices(len(ours), 1)])
    assert between_precisions < between_photos / 10
    assert fast.version == other_precision(exact.version) != exact.version
