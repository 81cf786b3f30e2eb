"""DeepFace's Keras models, loaded by DeepFace's own code once and converted.

What a network gets is what `DeepFace.verify` gives it by default: BGR, 0 to 1, no further normalisation.
"""

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

from pipeline.models.keras_network import KerasFunction, keras_runner
from pipeline.models.runtime import FLOAT32, ModelUnavailable, Runner
from pipeline.registry import ModelSpec

_LOADING = RLock()
"""DeepFace is told its folder through the process's environment, so models load one at a time."""


def load_network(spec: ModelSpec, path: Path, kept: Path | None, precision: str = FLOAT32) -> Runner:
    """Return a runner from aligned RGB faces (n, height, width, 3) to embeddings (n, spec.embedding_size).

    `kept` is where the converted network is kept, so that later loads do without DeepFace. Raises `ModelUnavailable`
    where DeepFace does not load the file.
    """
    return keras_runner(lambda: _function(spec, path), kept, 0, 256, precision)


def _function(spec: ModelSpec, path: Path) -> KerasFunction:
    """Let DeepFace load the network; return it from bytes to embeddings."""

    def build() -> Any:
        if spec.builder:
            return built_by(spec.builder)
        from deepface.modules import modeling

        return modeling.get_model_class(task="facial_recognition", model_name=spec.name)().model

    model = deepface_network(spec.name, spec.file, path, build)
    import tensorflow as tf

    def network(faces: Any) -> Any:
        bgr = tf.reverse(tf.cast(faces, tf.float32), [-1]) / 255.0
        embeddings = tf.cast(model(bgr, training=False), tf.float32)
        return tf.math.l2_normalize(embeddings, axis=1) if spec.unit_length else embeddings

    width, height = spec.input_size
    return KerasFunction(network, [((height, width, 3), np.uint8)])


def deepface_network(name: str, file: str, path: Path, build: Callable[[], Any]) -> Any:
    """Let DeepFace's code in `build` load the network `name` from `path`, which it knows as `file`; return it.

    Its downloads cannot start, because the file is where it looks. Raises `ModelUnavailable`.
    """
    with _LOADING, _deepface_home(file, path):
        try:
            # Importing this module makes TensorFlow's Keras the one that DeepFace is written for.
            from deepface import DeepFace  # noqa: F401

            return build()
        except Exception as error:  # whatever DeepFace, Keras or HDF5 raise about a file or a missing package
            raise ModelUnavailable(f"{name}: DeepFace does not load {path.name}: {error}") from error


def built_by(module: str) -> Any:
    """Return the network that a module of DeepFace builds and loads the weights of."""
    return import_module(module).load_model()


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
