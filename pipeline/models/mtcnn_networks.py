"""The three networks of MTCNN (Zhang et al. 2016, arXiv:1604.02878), weights from the package `mtcnn` 1.0.

They become ONNX graphs whose batch (and, for the first, height and width) may be of any length, so no photo's
size makes anything compile anew, and TensorFlow is not needed to find faces.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from pathlib import Path

import numpy as np

from pipeline.models.graph import GraphBuilder
from pipeline.models.runtime import Array, ModelUnavailable

# The files are pickles inside a package: they are unpickled only if they are the ones that were looked at.
_FILES = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}


def read_weights(network: str) -> list[Array]:
    """Return the weights of "pnet", "rnet" or "onet" in the order of its layers, from the installed package.

    Raises `ModelUnavailable` where the package is missing or its file is another than that of version 1.0.0.
    """
    path = _package_file(network)
    if hashlib.sha256(path.read_bytes()).hexdigest() != _FILES[network]:
        raise ModelUnavailable(f"{path.name} of the package mtcnn is not the file of version 1.0.0")
    joblib = importlib.import_module("joblib")
    return [np.asarray(array, dtype=np.float32) for array in joblib.load(path)]


def _package_file(network: str) -> Path:
    spec = importlib.util.find_spec("mtcnn")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "assets" / "weights" / f"{network}.lz4"
        if path.is_file():
            return path
    raise ModelUnavailable("the face detector's weights are missing: install the package mtcnn 1.0.0")


def proposal_graph(weights: list[Array]) -> bytes:
    """Build P-Net: float32 (n, h, w, 3) to `offsets` (n, h', w', 4) and `scores` (n, h', w'), 0 to 1.

    Its input, like the others', is (RGB - 127.5) / 128. h' and w' are about half of h and w; a cell looks at
    12x12 pixels, two pixels apart.
    """
    net = _Layers("pnet", weights, ("n", "h", "w", 3))
    net.convolve().prelu().pool(2)
    net.convolve().prelu().convolve().prelu()
    trunk = net.value
    offsets = net.builder.node("Transpose", net.convolve().value, perm=[0, 2, 3, 1])
    net.value = trunk
    both = net.builder.node("Softmax", net.convolve().value, axis=1)
    scores = net.builder.node("Gather", both, net.builder.constant(np.int64(1)), axis=1)
    net.builder.output(offsets, "offsets", np.float32, ("n", "y", "x", 4))
    net.builder.output(scores, "scores", np.float32, ("n", "y", "x"))
    return net.builder.build()


def refinement_graph(weights: list[Array]) -> bytes:
    """Build R-Net: float32 patches (n, 24, 24, 3) to `offsets` (n, 4) and `scores` (n,)."""
    net = _Layers("rnet", weights, ("n", 24, 24, 3))
    net.convolve().prelu().pool(3, same=True)
    net.convolve().prelu().pool(3)
    net.convolve().prelu().flatten().dense().prelu()
    trunk = net.value
    net.builder.output(net.dense().value, "offsets", np.float32, ("n", 4))
    net.value = trunk
    net.output_scores()
    return net.builder.build()


def output_graph(weights: list[Array]) -> bytes:
    """Build O-Net: float32 patches (n, 48, 48, 3) to `offsets`, `landmarks` (n, 10) and `scores`.

    Landmarks are five x and then five y, as shares of the patch.
    """
    net = _Layers("onet", weights, ("n", 48, 48, 3))
    net.convolve().prelu().pool(3, same=True)
    net.convolve().prelu().pool(3)
    net.convolve().prelu().pool(2)
    net.convolve().prelu().flatten().dense().prelu()
    trunk = net.value
    net.builder.output(net.dense().value, "offsets", np.float32, ("n", 4))
    net.value = trunk
    net.builder.output(net.dense().value, "landmarks", np.float32, ("n", 10))
    net.value = trunk
    net.output_scores()
    return net.builder.build()


class _Layers:
    """Adds layers one after the other to a graph, each taking its weights from the front of the list."""

    def __init__(self, name: str, weights: list[Array], shape: tuple[int | str, ...]) -> None:
        self.builder = GraphBuilder(name)
        self._weights = list(weights)
        self.value = self.builder.input("pixels", np.float32, shape)
        self.value = self.builder.node("Transpose", self.value, perm=[0, 3, 1, 2])

    def convolve(self) -> _Layers:
        kernel, bias = self._weights.pop(0), self._weights.pop(0)
        self.value = self.builder.convolution(self.value, kernel.transpose(3, 2, 0, 1), bias)
        return self

    def dense(self) -> _Layers:
        matrix, bias = self._weights.pop(0), self._weights.pop(0)
        constants = self.builder.constant(matrix), self.builder.constant(bias)
        self.value = self.builder.node("Gemm", self.value, *constants)
        return self

    def prelu(self) -> _Layers:
        slope = self._weights.pop(0)
        shape = (-1, 1, 1) if slope.ndim == 3 else (-1,)
        self.value = self.builder.prelu(self.value, slope.reshape(shape))
        return self

    def pool(self, size: int, same: bool = False) -> _Layers:
        """Take the maximum over `size` x `size` with stride 2; 2x2 counts a part window at the edge."""
        padding = "SAME_UPPER" if same or size == 2 else "VALID"
        self.value = self.builder.node(
            "MaxPool", self.value, kernel_shape=[size, size], strides=[2, 2], auto_pad=padding
        )
        return self

    def flatten(self) -> _Layers:
        """Flatten in the order width, height, channel: the weights were trained with columns first."""
        self.value = self.builder.node("Transpose", self.value, perm=[0, 3, 2, 1])
        self.value = self.builder.node("Flatten", self.value)
        return self

    def output_scores(self) -> None:
        both = self.builder.node("Softmax", self.dense().value, axis=1)
        scores = self.builder.node("Gather", both, self.builder.constant(np.int64(1)), axis=1)
        self.builder.output(scores, "scores", np.float32, ("n",))
