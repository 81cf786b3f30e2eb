"""DeepFace's models: weights of randomly initialised networks go the whole real way, from a file to an embedding."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.models.embedders import ModelUnavailable, load_embedder
from pipeline.models.runtime import OpenVinoRunner
from pipeline.models.weights import WeightStore
from pipeline.registry import REGISTRY, ModelSpec
from pipeline.stages.align import aligned
from pipeline.stages.augment import augment
from tests.models.faces import crop_of

pytestmark = pytest.mark.models

ROOT = Path(__file__).resolve().parents[2]

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
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(5).normal(0, 0.02, (size, 3, 16, 16)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["data", "weights"], ["maps"], strides=[16, 16]),
        helper.make_node("Relu", ["maps"], ["positive"]),
        helper.make_node("GlobalAveragePool", ["positive"], ["means"]),
        helper.make_node("Flatten", ["means"], ["out"]),
    ]
    given = helper.make_tensor_value_info("data", TensorProto.FLOAT, [batch, 3, 112, 112])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, size])
    graph = helper.make_graph(nodes, "random", [given], [out], [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


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


def test_a_converted_model_is_kept_and_does_without_tensorflow(tmp_path: Path, astronaut: bytes) -> None:
    spec = REGISTRY["DeepID"]
    random_client(spec, tmp_path)
    crops = augment(crop_of(astronaut), 2)
    first = load_embedder(spec, WeightStore(tmp_path)).embed(crops)
    np.save(tmp_path / "first.npy", first)
    kept = sorted(path.suffix for path in (tmp_path / "compiled").iterdir())
    program = (
        "import sys; from pathlib import Path; from pipeline.registry import REGISTRY; "
        "from pipeline.models.embedders import load_embedder; from pipeline.models.weights import WeightStore; "
        "load_embedder(REGISTRY['DeepID'], WeightStore(Path(sys.argv[1]))); print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert (kept, done.stdout.strip()) == ([".bin", ".xml"], "False"), done.stderr
    assert np.array_equal(load_embedder(spec, WeightStore(tmp_path)).embed(crops), first)


@pytest.mark.parametrize(("name", "size", "batch"), [("SFace", 128, 1), ("Buffalo_L", 512, "batch")])
def test_an_onnx_model_gets_rgb_scaled_as_it_was_trained(
    name: str, size: int, batch: int | str, tmp_path: Path, astronaut: bytes
) -> None:
    spec = replace(REGISTRY[name], sha256=None, packaged=None)
    random_onnx(tmp_path / spec.file, size, batch)
    crops = augment(crop_of(astronaut), 2)
    mean, spread = spec.scaling.mean, spec.scaling.spread
    stored = OpenVinoRunner(tmp_path / spec.file)
    plain = [((aligned(crop, spec) - mean) / spread).astype(np.float32).transpose(2, 0, 1) for crop in crops]
    theirs = np.concatenate([stored([one[np.newaxis]])[0] for one in plain])
    assert np.abs(load_embedder(spec, WeightStore(tmp_path)).one_side(crops) - theirs).max() <= 1e-4


@pytest.mark.parametrize("name", [*KERAS, "DeepFace", "Buffalo_L", "MobileFaceNet"])
def test_a_model_without_weights_says_where_to_put_them(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as refusal:
        load_embedder(REGISTRY[name], WeightStore(tmp_path))
    assert str(tmp_path / REGISTRY[name].file) in str(refusal.value)


@pytest.mark.parametrize("name", ["DeepID", "Buffalo_L"])
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
