"""Embedders: batches, versions, and answers that are no numbers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.models.embedders import AlignedEmbedder, NotANumberError, embedding_version, load_embedder
from pipeline.models.onnx_files import image_network
from pipeline.models.runtime import ModelUnavailable, OpenVinoRunner
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY, UNIT
from pipeline.stages.align import aligned
from pipeline.stages.augment import augment, mirror
from pipeline.types import Crop
from tests.models.faces import crop_of

pytestmark = pytest.mark.models

SPEC = REGISTRY["MobileFaceNet"]


@pytest.fixture(scope="module")
def crops(astronaut: bytes) -> list[Crop]:
    return augment(crop_of(astronaut), 5)


def test_mobilefacenet_gives_for_a_batch_what_the_stored_graph_gives_for_each_face(
    shared_data: Path, crops: list[Crop]
) -> None:
    stored = OpenVinoRunner(shared_data / "weights" / "mobilefacenet.onnx")
    expected = []
    mean, spread = (np.array(row, np.float32) for row in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)))
    for crop in crops:
        plain = (aligned(crop, SPEC) - mean) / spread
        expected.append(stored([plain.transpose(2, 0, 1)[np.newaxis]])[0][0])
    embedder = load_embedder(SPEC, WeightStore(Path("nowhere"), str(shared_data / "weights")))
    assert np.abs(embedder.one_side(crops) - np.array(expected)).max() < 1e-4


def test_a_face_gets_the_same_embedding_alone_and_among_others(shared_data: Path, crops: list[Crop]) -> None:
    embedder = load_embedder(SPEC, WeightStore(Path("nowhere"), str(shared_data / "weights")))
    together = embedder.embed(crops)
    alone = np.concatenate([embedder.embed([crop]) for crop in crops])
    assert np.abs(together - alone).max() < 1e-4


def test_an_embedding_is_the_mean_of_a_face_and_its_mirror_image(shared_data: Path, crops: list[Crop]) -> None:
    embedder = load_embedder(SPEC, WeightStore(Path("nowhere"), str(shared_data / "weights")))
    both = embedder.both_sides(crops)
    assert np.abs(both.faces - embedder.one_side(crops)).max() < 1e-4
    assert np.abs(both.mirrors - embedder.one_side([mirror(crop) for crop in crops])).max() < 1e-4
    assert np.array_equal(both.mean, embedder.embed(crops))
    assert np.allclose(both.mean, (both.faces + both.mirrors) / 2)


def test_no_faces_give_no_embeddings(shared_data: Path) -> None:
    embedder = load_embedder(SPEC, WeightStore(Path("nowhere"), str(shared_data / "weights")))
    assert embedder.embed([]).shape == (0, 128)


@pytest.mark.parametrize(
    "answer", [np.full((5, 128), np.nan, np.float32), np.full((5, 128), np.inf, np.float32), np.zeros((4, 128))]
)
def test_an_answer_that_is_no_embedding_is_an_error(answer: np.ndarray[Any, Any], crops: list[Crop]) -> None:
    embedder = AlignedEmbedder(SPEC, "0" * 16, lambda _: answer)
    with pytest.raises(NotANumberError):
        embedder.embed(crops)


def test_the_version_changes_with_weights_and_with_what_the_network_sees() -> None:
    one = embedding_version(SPEC, "a" * 64)
    assert len(one) == 16
    assert int(one, 16) >= 0
    others = (
        replace(SPEC, alignment=REGISTRY["Facenet"].alignment),
        replace(SPEC, zooms=(1.0, 1.0)),
        replace(SPEC, scaling=UNIT),
    )
    versions = [embedding_version(other, "a" * 64) for other in others]
    assert len({one, embedding_version(SPEC, "b" * 64), *versions}) == 5
    assert embedding_version(SPEC, "a" * 64) == one


def test_what_is_stored_under_a_models_version_stays_valid() -> None:
    assert embedding_version(SPEC, str(SPEC.sha256)) == "921c675ed487c157"


def test_a_changed_weight_file_is_not_loaded(shared_data: Path, tmp_path: Path) -> None:
    file = tmp_path / SPEC.file
    shutil.copyfile(shared_data / "weights" / "mobilefacenet.onnx", file)
    assert load_embedder(SPEC, WeightStore(tmp_path)).size == 128
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelUnavailable, match=str(SPEC.sha256)):
        load_embedder(SPEC, WeightStore(tmp_path))


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x08\x07\x12\x00"])
def test_what_is_no_recognition_network_is_refused(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    file.write_bytes(data)
    with pytest.raises(ModelUnavailable, match=r"network\.onnx"):
        image_network(file, UNIT)
