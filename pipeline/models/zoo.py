"""DeepFace's recognition models, loaded by DeepFace's own code and run as one compiled call for any number of faces.

What a network gets is what `DeepFace.verify` gives it by default: BGR, 0 to 1, no further normalisation.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from pipeline.models.compiled.network import CompiledNetwork
from pipeline.models.compiled.reading import NotCompilableError
from pipeline.models.keras_graph import NotConvertibleError, keras_graph
from pipeline.models.onnx_files import batched_graph
from pipeline.models.running import Faces, running
from pipeline.models.runtime import ModelUnavailable
from pipeline.registry import ModelSpec
from pipeline.types import Floats

_AT_ONCE = 32
"""Faces in one call at most: the activations of VGG-Face for more would take gigabytes."""

_LOADING = RLock()
"""DeepFace is told its folder through the process's environment, so models load one at a time."""


def load_network(spec: ModelSpec, path: Path) -> Callable[[Faces], Floats]:
    """Return a function from aligned RGB faces (n, height, width, 3) to embeddings (n, spec.embedding_size).

    Raises `ModelUnavailable` where DeepFace does not load the file.
    """
    if spec.name == "Buffalo_L":
        # DeepFace runs this file through insightface, which scales as below and adds nothing else.
        return running(batched_graph(path.read_bytes(), spec.scaling))
    client = _client(spec, path)
    if spec.file.endswith(".onnx"):
        return lambda faces: _rows(client.forward(_deepface_input(faces)), len(faces))
    model = getattr(client, "model", client)
    try:
        compiled = CompiledNetwork(keras_graph(model), factor=1 / 255)
    except (NotConvertibleError, NotCompilableError):
        network = _traced(model, spec)
        return lambda faces: _in_parts(network, faces)
    return lambda faces: compiled({"input0": faces[..., ::-1]})[0]


def _client(spec: ModelSpec, path: Path) -> Any:
    """Let DeepFace load the model from `path`: a client of its own, or the bare network.

    Its downloads cannot start, because the file is where it looks.
    """
    with _LOADING, _deepface_home(spec.file, path):
        try:
            # Importing this module makes TensorFlow's Keras the one that DeepFace is written for.
            from deepface import DeepFace  # noqa: F401
            from deepface.modules import modeling

            if spec.name == "DeepFace":
                # Its client refuses every TensorFlow after 2.12 for want of a layer that tf-keras still has.
                return import_module("deepface.models.facial_recognition.tf.FbDeepFace").load_model()
            return modeling.get_model_class(task="facial_recognition", model_name=spec.name)()
        except Exception as error:  # whatever DeepFace, Keras or HDF5 raise about a file or a missing package
            raise ModelUnavailable(f"{spec.name}: DeepFace does not load {path.name}: {error}") from error


@contextmanager
def _deepface_home(file: str, path: Path) -> Iterator[None]:
    before = os.environ.get("DEEPFACE_HOME")
    with tempfile.TemporaryDirectory(prefix="faceapp-deepface-") as home:
        target = Path(home) / ".deepface" / "weights" / file
        target.parent.mkdir(parents=True)
        try:
            target.symlink_to(path.resolve())
        except OSError:
            shutil.copyfile(path, target)
        os.environ["DEEPFACE_HOME"] = home
        try:
            yield
        finally:
            del os.environ["DEEPFACE_HOME"]
            if before is not None:
                os.environ["DEEPFACE_HOME"] = before


def _traced(model: Any, spec: ModelSpec) -> Callable[[Faces], Floats]:
    """Trace the network once, for any number of faces, from bytes to embeddings."""
    import tensorflow as tf

    width, height = spec.input_size
    unit_length = spec.name == "VGG-Face"

    @tf.function(input_signature=[tf.TensorSpec((None, height, width, 3), tf.uint8)], autograph=False)  # type: ignore[untyped-decorator]
    def network(faces: Any) -> Any:
        bgr = tf.reverse(tf.cast(faces, tf.float32), [-1]) / 255.0
        embeddings = tf.cast(model(bgr, training=False), tf.float32)
        return tf.math.l2_normalize(embeddings, axis=1) if unit_length else embeddings

    frozen = network.get_concrete_function()
    return lambda faces: np.asarray(frozen(tf.constant(faces)).numpy(), np.float32)


def _in_parts(network: Callable[[Faces], Floats], faces: Faces) -> Floats:
    parts = [network(faces[start : start + _AT_ONCE]) for start in range(0, len(faces), _AT_ONCE)]
    return np.concatenate(parts)


def _deepface_input(faces: Faces) -> Floats:
    return np.ascontiguousarray(faces[..., ::-1]).astype(np.float32) / np.float32(255)


def _rows(embeddings: Any, count: int) -> Floats:
    """Return DeepFace's answer as a matrix: for one face it is a flat list."""
    return np.asarray(embeddings, np.float32).reshape(count, -1)
