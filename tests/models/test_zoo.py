"""DeepFace's models: weights of randomly initialised networks go the whole real way, from a file to an embedding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.models.compiled.reading import read_network
from pipeline.models.embedders import ModelUnavailable, load_embedder
from pipeline.models.graph import GraphBuilder
from pipeline.models.keras_graph import keras_graph
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY, ModelSpec
from pipeline.stages.align import aligned
from pipeline.stages.augment import augment
from tests.models.faces import crop_of

pytestmark = pytest.mark.models

KERAS = ("DeepID", "OpenFace", "Facenet", "Facenet512", "ArcFace", "GhostFaceNet", "VGG-Face")


@contextmanager
def saving_instead_of_loading(path: Path) -> Iterator[None]:
    """Let DeepFace's builders write their random weights to `path` where they would read published ones."""
    from deepface.commons import weight_utils

    def save(model: Any, weight_file: str) -> Any:
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save_weights(str(path))
        return model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weight_utils, "load_model_weights", save)
        patch.setattr(weight_utils, "download_weights_if_necessary", lambda **_: str(path))
        yield


def random_client(spec: ModelSpec, folder: Path) -> Any:
    """Build DeepFace's client with random weights, which are left in `folder` as the file that the registry names.

    The weights are always the same ones: how far rounding carries depends on how large a network's activations grow.
    """
    import tensorflow as tf
    from deepface import DeepFace  # noqa: F401
    from deepface.modules import modeling

    tf.keras.utils.set_random_seed(5)

    with saving_instead_of_loading(folder / spec.file):
        return modeling.get_model_class(task="facial_recognition", model_name=spec.name)()


def random_onnx(path: Path, size: int, batch: int | str) -> None:
    """Write a small network of the shape of a recognition model: (batch, 3, 112, 112) to (batch, size)."""
    weights = np.random.default_rng(5).normal(0, 0.02, (size, 3, 16, 16)).astype(np.float32)
    builder = GraphBuilder("random")
    value = builder.input("data", np.float32, (batch, 3, 112, 112))
    value = builder.convolution(value, weights, np.zeros(size, np.float32), strides=[16, 16])
    value = builder.node("Flatten", builder.node("GlobalAveragePool", builder.node("Relu", value)))
    builder.output(value, "out", np.float32, (batch, size))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(builder.build())


def deepface_input(faces: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return what `DeepFace.represent` hands to a model for these RGB faces."""
    return np.ascontiguousarray(faces[..., ::-1]).astype(np.float32) / 255.0


@pytest.mark.parametrize("name", KERAS)
def test_a_keras_model_gives_what_deepface_gives_with_the_same_weights(
    name: str, tmp_path: Path, astronaut: bytes
) -> None:
    spec = REGISTRY[name]
    client = random_client(spec, tmp_path)
    embedder = load_embedder(spec, WeightStore(tmp_path))
    crops = augment(crop_of(astronaut), 3)
    faces = np.stack([aligned(crop, spec) for crop in crops])
    theirs = np.array([client.forward(deepface_input(face[np.newaxis])) for face in faces])
    ours = embedder.one_side(crops)
    assert ours.shape == (3, spec.embedding_size)
    assert np.abs(ours - theirs).max() <= 1e-3 * max(1.0, float(np.abs(theirs).max()))
    assert client.input_shape == spec.input_size


def test_arcface_is_compiled_here(tmp_path: Path) -> None:
    model = random_client(REGISTRY["ArcFace"], tmp_path).model
    network = read_network(keras_graph(model), factor=1 / 255)
    assert (network.shape, len(network.layers), network.dense.matrix.shape) == ((112, 112, 3), 37, (25088, 512))


def test_sface_runs_through_deepfaces_client(tmp_path: Path, astronaut: bytes) -> None:
    spec = REGISTRY["SFace"]
    random_onnx(tmp_path / spec.file, 128, 1)
    crops = augment(crop_of(astronaut), 2)
    both = load_embedder(spec, WeightStore(tmp_path)).embed(crops)
    alone = load_embedder(spec, WeightStore(tmp_path)).embed(crops[1:])
    assert both.shape == (2, 128)
    assert np.array_equal(both[1:], alone)


def test_buffalo_l_gets_rgb_scaled_to_one(tmp_path: Path, astronaut: bytes) -> None:
    spec = REGISTRY["Buffalo_L"]
    random_onnx(tmp_path / spec.file, 512, "batch")
    crops = augment(crop_of(astronaut), 2)
    faces = np.stack([aligned(crop, spec) for crop in crops])
    plain = (faces.astype(np.float32) - 127.5) / 127.5
    import onnxruntime

    session = onnxruntime.InferenceSession(str(tmp_path / spec.file))
    theirs = session.run(None, {"data": plain.transpose(0, 3, 1, 2)})[0]
    assert np.abs(load_embedder(spec, WeightStore(tmp_path)).one_side(crops) - theirs).max() <= 1e-4


@pytest.mark.parametrize("name", [*KERAS, "DeepFace", "SFace", "Buffalo_L", "MobileFaceNet"])
def test_a_model_without_weights_says_where_to_put_them(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as refusal:
        load_embedder(REGISTRY[name], WeightStore(tmp_path))
    assert str(tmp_path / REGISTRY[name].file) in str(refusal.value)


@pytest.mark.parametrize("name", ["DeepID", "SFace", "Buffalo_L"])
def test_a_file_that_holds_no_weights_is_refused_and_nothing_is_downloaded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gdown

    asked: list[object] = []
    monkeypatch.setattr(gdown, "download", lambda *args, **_: asked.append(args))
    target = tmp_path / REGISTRY[name].file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"these are no weights")
    with pytest.raises(ModelUnavailable):
        load_embedder(REGISTRY[name], WeightStore(tmp_path))
    assert asked == []
