"""dlib's face recognition network (Davis King, `dnn_face_recognition_ex`) as an ONNX graph.

dlib's own kernels take about thirty times as long for the same numbers. The weights are read from dlib's `.dat`: 59
tensors in the order of the computation, between which lie layer headers that the architecture makes superfluous.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.models.graph import GraphBuilder

Weights = npt.NDArray[np.float32]

SIDE, LENGTH = 150, 128
_MEANS = np.array([122.782, 117.001, 104.298])
_STEM = 32
_STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""Filters, residual blocks, and whether the first block halves the image, from the input on."""


class NotDlibWeightsError(ValueError):
    """The file is not dlib's face recognition network."""


def packaged_weights(file: str) -> Path | None:
    """Return where the package `face_recognition_models` keeps `file`, without importing it."""
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "models" / file
        if path.is_file():
            return path
    return None


def build_graph(data: bytes) -> bytes:
    """Build the graph from the bytes of the `.dat`: uint8 RGB chips (n, 150, 150, 3) to embeddings (n, 128).

    Raises `NotDlibWeightsError` where the tensors are not those of this architecture.
    """
    tensors = _Tensors(data)
    builder = GraphBuilder("dlib")
    value = builder.node("Transpose", builder.input("pixels", np.uint8, ("n", SIDE, SIDE, 3)), perm=[0, 3, 1, 2])
    value = builder.node("Cast", value, to=1)
    kernel, bias = tensors.convolution(3, _STEM, 7)
    # The first convolution has no padding, so (x - mean) / 256 can be folded into it exactly.
    bias = bias - (kernel * (_MEANS / 256).reshape(1, 3, 1, 1)).sum(axis=(1, 2, 3))
    value = _convolve(builder, value, kernel / 256, bias, stride=2, padding=0)
    value = builder.node("Relu", value)
    value = builder.node("MaxPool", value, kernel_shape=[3, 3], strides=[2, 2])
    channels, side = _STEM, 35
    for filters, blocks, halves in _STAGES:
        for block in range(blocks):
            halve = halves and block == 0
            value = _residual(builder, tensors, value, channels, filters, side, halve)
            channels, side = filters, (side // 2 if halve else side)
    value = builder.node("Flatten", builder.node("GlobalAveragePool", value))
    value = builder.node("MatMul", value, builder.constant(tensors.take(channels * LENGTH).reshape(channels, LENGTH)))
    builder.output(value, "embeddings", np.float32, ("n", LENGTH))
    return builder.build()


def _residual(
    builder: GraphBuilder, tensors: _Tensors, value: str, channels: int, filters: int, side: int, halve: bool
) -> str:
    """Add two convolutions and the shortcut around them; zeros fill what one of both sides lacks."""
    first, second = tensors.convolution(channels, filters, 3), tensors.convolution(filters, filters, 3)
    stride, padding = (2, 0) if halve else (1, 1)
    shortcut = value
    if halve:
        shortcut = builder.node("AveragePool", value, kernel_shape=[2, 2], strides=[2, 2])
        shortcut = _pad(builder, shortcut, filters - channels, 0)
    path = builder.node("Relu", _convolve(builder, value, *first, stride=stride, padding=padding))
    path = _convolve(builder, path, *second, stride=1, padding=1)
    if halve:
        path = _pad(builder, path, 0, side // 2 - ((side - 3) // 2 + 1))
    return builder.node("Relu", builder.node("Add", path, shortcut))


def _pad(builder: GraphBuilder, value: str, channels: int, pixels: int) -> str:
    if not channels and not pixels:
        return value
    ends = np.array([0, 0, 0, 0, 0, channels, pixels, pixels], np.int64)
    return builder.node("Pad", value, builder.constant(ends))


def _convolve(
    builder: GraphBuilder, value: str, kernel: npt.NDArray[np.float64], bias: npt.NDArray[np.float64],
    stride: int, padding: int,
) -> str:  # fmt: skip
    weights = kernel.astype(np.float32), bias.astype(np.float32)
    return builder.convolution(value, *weights, strides=[stride, stride], pads=[padding] * 4)


class _Tensors:
    """The tensors of the file, one after the other, each found by its exact size."""

    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, 0

    def convolution(
        self, channels: int, filters: int, side: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return kernel (out, in, height, width) and bias of a convolution and the affine layer behind it, as one."""
        flat = self.take(filters * channels * side * side + filters).astype(np.float64)
        gamma, beta = self.take(2 * filters).astype(np.float64).reshape(2, filters)
        kernel = flat[:-filters].reshape(filters, channels, side, side)
        return kernel * gamma.reshape(-1, 1, 1, 1), flat[-filters:] * gamma + beta

    def take(self, count: int) -> Weights:
        """Return the next tensor, which has to hold `count` numbers."""
        for header in _headers(count):
            start = self._data.find(header, self._position)
            if start >= 0:
                begin = start + len(header)
                self._position = begin + 4 * count
                if self._position > len(self._data):
                    break
                values = np.frombuffer(self._data, "<f4", count, begin)
                if np.isfinite(values).all():
                    return values.astype(np.float32)
        raise NotDlibWeightsError(f"no tensor of {count} numbers where the architecture has one")


def _headers(count: int) -> Iterator[bytes]:
    """Give the bytes before a tensor of `count` numbers: version, then four sizes with their byte counts."""
    last = b"\x01\x01"
    yield b"\x01\x02" + _number(count) + 3 * last
    if count % LENGTH == 0:
        yield b"\x01\x02" + _number(count // LENGTH) + _number(LENGTH) + 2 * last


def _number(value: int) -> bytes:
    length = (value.bit_length() + 7) // 8
    return bytes([length]) + value.to_bytes(length, "little")
