"""dlib's network in OpenVINO against dlib itself, and what happens to files that are not it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.models.dlib_network import NotDlibWeightsError, build_network
from pipeline.models.embedders import ModelUnavailable, load_embedder
from pipeline.models.runtime import OpenVinoRunner
from pipeline.models.weights import WeightStore, packaged_file
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
    path = packaged_file(DLIB.packaged) if DLIB.packaged else None
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


def test_two_hundred_faces_get_dlibs_own_embeddings(weights: Path, of_dlib: tuple[Chips, Embeddings]) -> None:
    chips, theirs = of_dlib
    ours = OpenVinoRunner(build_network(weights.read_bytes()))([chips])[0]
    assert ours.shape == (200, 128)
    assert np.abs(ours - theirs).max() <= 1e-4


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_file_of_another_network_is_not_taken_for_this_one(damage: str, weights: Path) -> None:
    data = weights.read_bytes()
    broken = data[: len(data) // 2] if damage == "cut" else b"\x01\x01\x01" + bytes(1000)
    with pytest.raises(NotDlibWeightsError):
        build_network(broken)


def test_a_file_of_another_hash_does_not_take_the_place_of_the_packages(tmp_path: Path, weights: Path) -> None:
    (tmp_path / DLIB.file).write_bytes(b"not these")
    assert load_embedder(DLIB, WeightStore(tmp_path)).size == 128


def test_a_file_that_neither_reads_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    (tmp_path / "mine.dat").write_bytes(b"no network")
    with pytest.raises(ModelUnavailable, match=r"mine\.dat"):
        load_embedder(replace(DLIB, file="mine.dat", sha256=None, packaged=None), WeightStore(tmp_path))
