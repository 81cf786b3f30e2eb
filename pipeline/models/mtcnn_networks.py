"""The three networks of MTCNN (Zhang et al. 2016, arXiv:1604.02878), weights from the package `mtcnn` 1.0.

They become OpenVINO networks whose batch (and, for the first, height and width) may be of any length; TensorFlow is
not needed to find faces.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from pipeline.models import graph
from pipeline.models.runtime import Array, ModelUnavailable
from pipeline.models.weights import packaged_file, sha256_of
from pipeline.registry import PackagedFile

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
    weights = PackagedFile("mtcnn", f"assets/weights/{network}.lz4", _FILES[network])
    path = packaged_file(weights)
    if path is None:
        raise ModelUnavailable("the face detector's weights are missing: install the package mtcnn 1.0.0")
    if sha256_of(path) != weights.sha256:
        raise ModelUnavailable(f"{path.name} of the package mtcnn is not the file of version 1.0.0")
    joblib = importlib.import_module("joblib")
    return [np.asarray(array, dtype=np.float32) for array in joblib.load(path)]


def proposal_network(weights: list[Array]) -> Any:
    """Build P-Net: float32 (n, h, w, 3) to offsets (n, h', w', 4) and scores (n, h', w'), 0 to 1.

    Its input, like the others', is (RGB - 127.5) / 128. h' and w' are about half of h and w; a cell looks at
    12x12 pixels, two pixels apart.
    """
    ops, net = graph.operators(), _Layers(weights, -1)
    net.convolve().prelu().pool(2)
    net.convolve().prelu().convolve().prelu()
    trunk = net.value
    offsets = ops.transpose(net.convolve().value, [0, 2, 3, 1])
    net.value = trunk
    return net.network(offsets, _scores(net.convolve().value))


def refinement_network(weights: list[Array]) -> Any:
    """Build R-Net: float32 patches (n, 24, 24, 3) to offsets (n, 4) and scores (n,)."""
    net = _Layers(weights, 24)
    net.convolve().prelu().pool(3, same=True)
    net.convolve().prelu().pool(3)
    net.convolve().prelu().flatten().dense().prelu()
    trunk = net.value
    offsets = net.dense().value
    net.value = trunk
    return net.network(offsets, _scores(net.dense().value))


def output_network(weights: list[Array]) -> Any:
    """Build O-Net: float32 patches (n, 48, 48, 3) to offsets, landmarks (n, 10) and scores.

    Landmarks are five x and then five y, as shares of the patch.
    """
    net = _Layers(weights, 48)
    net.convolve().prelu().pool(3, same=True)
    net.convolve().prelu().pool(3)
    net.convolve().prelu().pool(2)
    net.convolve().prelu().flatten().dense().prelu()
    trunk = net.value
    offsets = net.dense().value
    net.value = trunk
    landmarks = net.dense().value
    net.value = trunk
    return net.network(offsets, landmarks, _scores(net.dense().value))


def _scores(value: graph.Node) -> graph.Node:
    """Return the second of two classes' probabilities."""
    ops = graph.operators()
    return ops.gather(ops.softmax(value, 1), np.int64(1), np.int64(1))


class _Layers:
    """Adds layers one after the other to a network, each taking its weights from the front of the list."""

    def __init__(self, weights: list[Array], side: int) -> None:
        self._weights, self._ops = list(weights), graph.operators()
        self._input, self.value = graph.images(np.float32, side, side)

    def convolve(self) -> _Layers:
        kernel, bias = self._weights.pop(0), self._weights.pop(0)
        self.value = graph.convolution(self.value, kernel.transpose(3, 2, 0, 1), bias)
        return self

    def dense(self) -> _Layers:
        matrix, bias = self._weights.pop(0), self._weights.pop(0)
        self.value = self._ops.add(
            self._ops.matmul(self.value, graph.constant(matrix), False, False), graph.constant(bias)
        )
        return self

    def prelu(self) -> _Layers:
        self.value = self._ops.prelu(self.value, graph.constant(self._weights.pop(0).reshape(-1)))
        return self

    def pool(self, size: int, same: bool = False) -> _Layers:
        """Take the maximum over `size` x `size` with stride 2; 2x2 counts a part window at the edge."""
        self.value = graph.max_pool(self.value, size, "same_upper" if same or size == 2 else "valid")
        return self

    def flatten(self) -> _Layers:
        """Flatten in the order width, height, channel: the weights were trained with columns first."""
        columns = self._ops.transpose(self.value, [0, 3, 2, 1])
        self.value = self._ops.reshape(columns, np.array([0, -1]), True)
        return self

    def network(self, *outputs: graph.Node) -> Any:
        return graph.network(outputs, [self._input])
