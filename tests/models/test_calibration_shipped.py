"""The shipped calibrations belong to the models as they are now, and keep their promise on real faces."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from bootstrap.models import WEIGHTS
from pipeline.models.embedders import ModelUnavailable, load_embedder
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY, SIM_FUNCS
from pipeline.scoring import CalibrationFault, load_scorer
from pipeline.stages.distance import distances, lengths
from pipeline.types import Embedder
from tools.evaluation.faces import EmbeddingCache, Faces, embed_dataset
from tools.evaluation.layout import Dataset, read_people
from tools.evaluation.workbench import load_detector

pytestmark = pytest.mark.models

PEOPLE = 24
MODELS = ("Dlib", "MobileFaceNet", "SFace")
SETS = [some for size in (1, 2, 3) for some in combinations(MODELS, size)]


@pytest.fixture(scope="module")
def embedders(shared_data: Path) -> Mapping[str, Embedder]:
    store = WeightStore(WEIGHTS, str(shared_data / "weights"))
    try:
        return {name: load_embedder(REGISTRY[name], store) for name in MODELS}
    except ModelUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def faces(shared_data: Path, embedders: Mapping[str, Embedder]) -> Faces:
    """Return two photos of each of some people."""
    whole = read_people(shared_data / "data" / "lfw")
    photos: dict[int, list[int]] = {}
    for index, person in enumerate(whole.person):
        photos.setdefault(person, []).append(index)
    pairs = [indices[:2] for indices in photos.values() if len(indices) > 1][:PEOPLE]
    files = tuple(whole.files[index] for pair in pairs for index in pair)
    some = Dataset("some", tuple(map(str, range(len(pairs)))), files, tuple(np.repeat(range(len(pairs)), 2).tolist()))
    cache = EmbeddingCache(None, {name: one.version for name, one in embedders.items()}, 0)
    return embed_dataset(some, load_detector, embedders, 0, cache)


def _versions(embedders: Mapping[str, Embedder], *names: str) -> dict[str, str]:
    return {name: embedders[name].version for name in names}


@pytest.mark.parametrize("sim_func", SIM_FUNCS)
@pytest.mark.parametrize("names", SETS, ids="+".join)
def test_that_the_shipped_calibrations_are_for_the_models_as_they_are(
    embedders: Mapping[str, Embedder], names: tuple[str, ...], sim_func: str
) -> None:
    assert load_scorer(_versions(embedders, *names), sim_func, 4, 1e-3, 1e-2).calibrated


def test_that_another_version_of_a_model_is_refused_with_what_to_run(embedders: Mapping[str, Embedder]) -> None:
    with pytest.raises(CalibrationFault, match="run bin/calibrate FOLDER --models Dlib,MobileFaceNet"):
        load_scorer(_versions(embedders, "Dlib") | {"MobileFaceNet": "0" * 16}, "cosine", 4, 1e-3, 1e-2)


@pytest.mark.parametrize("sim_func", SIM_FUNCS)
def test_that_the_same_people_pass_and_strangers_do_not(
    faces: Faces, embedders: Mapping[str, Embedder], sim_func: str
) -> None:
    scorer = load_scorer(_versions(embedders, *MODELS), sim_func, 4, 1e-3, 1e-2)
    sample = faces.sample
    apart = {name: distances(one, one, sim_func) for name, one in sample.embeddings.items()}
    long = {name: lengths(one, one) for name, one in sample.embeddings.items()}
    passed = scorer.fuse(apart, 1, long) <= scorer.threshold(1, 1)
    same = np.equal.outer(sample.person, sample.person)
    np.fill_diagonal(passed, val=False)
    assert passed[~same].mean() <= 2e-3
    assert passed[same].sum() >= 2 * (PEOPLE - 1)
