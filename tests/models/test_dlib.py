"""dlib's network as a compiled graph against dlib itself, and what happens to files that are not it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.models.compiled.network import CompiledNetwork
from pipeline.models.dlib_network import NotDlibWeightsError, build_graph, packaged_weights
from pipeline.models.embedders import ModelUnavailable, load_embedder
from pipeline.models.runtime import OnnxRunner, Runner
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY
from pipeline.stages.align import dlib_chip
from pipeline.stages.augment import augment
from tests.models.faces import crop_of

pytestmark = pytest.mark.models

DLIB = REGISTRY["Dlib"]

Chips = npt.NDArray[np.uint8]
Embeddings = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def weights() -> Path:
    path = packaged_weights(DLIB.file)
    if path is None:
        pytest.skip("the package face_recognition_models is not installed")
    return path


@pytest.fixture(scope="module")
def of_dlib(weights: Path, astronaut: bytes) -> tuple[Chips, Embeddings]:
    """Give two hundred chips and what dlib itself says of them, which takes it half a minute."""
    import dlib

    chips = np.stack([dlib_chip(crop) for crop in augment(crop_of(astronaut), 200)])
    network = dlib.face_recognition_model_v1(str(weights))
    return chips, np.array(network.compute_face_descriptor(list(chips)))


@pytest.mark.parametrize("engine", [CompiledNetwork, OnnxRunner])
def test_two_hundred_faces_get_dlibs_own_embeddings(
    engine: Callable[[bytes], Runner], weights: Path, of_dlib: tuple[Chips, Embeddings]
) -> None:
    chips, theirs = of_dlib
    ours = engine(build_graph(weights.read_bytes()))({"pixels": chips})[0]
    assert ours.shape == (200, 128)
    assert np.abs(ours - theirs).max() <= 1e-4


def test_the_graph_is_kept_beside_the_weights_and_used_again(tmp_path: Path, weights: Path, astronaut: bytes) -> None:
    crops = [crop_of(astronaut)]
    first = load_embedder(DLIB, WeightStore(tmp_path)).embed(crops)
    kept = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.onnx"))
    assert kept == [f"compiled/dlib-{str(DLIB.sha256)[:16]}-3.onnx"]
    assert np.array_equal(load_embedder(DLIB, WeightStore(tmp_path)).embed(crops), first)


def test_a_kept_graph_that_was_cut_in_half_is_made_anew(tmp_path: Path, weights: Path, astronaut: bytes) -> None:
    crops = [crop_of(astronaut)]
    first = load_embedder(DLIB, WeightStore(tmp_path)).embed(crops)
    (kept,) = tmp_path.rglob("*.onnx")
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    assert np.array_equal(load_embedder(DLIB, WeightStore(tmp_path)).embed(crops), first)
    assert kept.read_bytes() == whole


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_file_of_another_network_is_not_taken_for_this_one(damage: str, weights: Path) -> None:
    data = weights.read_bytes()
    broken = data[: len(data) // 2] if damage == "cut" else b"\x01\x01\x01" + bytes(1000)
    with pytest.raises(NotDlibWeightsError):
        build_graph(broken)


def test_a_file_of_another_hash_does_not_take_the_place_of_the_packages(tmp_path: Path, weights: Path) -> None:
    (tmp_path / DLIB.file).write_bytes(b"not these")
    assert load_embedder(DLIB, WeightStore(tmp_path)).size == 128


def test_a_file_that_neither_reads_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    (tmp_path / "mine.dat").write_bytes(b"no network")
    with pytest.raises(ModelUnavailable, match=r"mine\.dat"):
        load_embedder(replace(DLIB, file="mine.dat", sha256=None), WeightStore(tmp_path))
