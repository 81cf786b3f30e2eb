"""dlib's face recognition network (Davis King, `dnn_face_recognition_ex`) for OpenVINO.

dlib's own kernels take about thirty times as long for the same numbers. The weights are read from dlib's `.dat`: 59
tensors in the order of the computation, separated by layer headers that the architecture makes redundant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models import graph

Weights = npt.NDArray[np.float32]

SIDE, LENGTH = 150, 128
_MEANS = np.array([122.782, 117.001, 104.298])
_STEM = 32
_STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""Filters, residual blocks, and whether the first block halves the image, from the input on."""


class NotDlibWeightsError(ValueError):
    """The file is not dlib's face recognition network."""


def build_network(data: bytes) -> Any:
    """Build the network from the bytes of the `.dat`: uint8 RGB chips (n, 150, 150, 3) to embeddings (n, 128).

    Raises `NotDlibWeightsError` where the tensors are not those of this architecture.
    """
    tensors, ops = _Tensors(data), graph.operators()
    chips, value = graph.images(np.uint8, SIDE, SIDE)
    kernel, bias = tensors.convolution(3, _STEM, 7)
    # The first convolution has no padding, so (x - mean) / 256 can be folded into it exactly.
    bias = bias - (kernel * (_MEANS / 256).reshape(1, 3, 1, 1)).sum(axis=(1, 2, 3))
    value = ops.relu(_convolve(value, kernel / 256, bias, stride=2, padding=0))
    value = graph.max_pool(value, 3)
    channels, side = _STEM, 35
    for filters, blocks, halves in _STAGES:
        for block in range(blocks):
            halve = halves and block == 0
            value = _residual(tensors, value, channels, filters, side, halve)
            channels, side = filters, (side // 2 if halve else side)
    last = graph.constant(tensors.take(channels * LENGTH).reshape(channels, LENGTH))
    return graph.network([ops.matmul(ops.reduce_mean(value, [2, 3]), last, False, False)], [chips])


def _residual(tensors: _Tensors, value: graph.Node, channels: int, filters: int, side: int, halve: bool) -> graph.Node:
    """Add two convolutions and the shortcut around them; zeros fill what one of both sides lacks."""
    ops = graph.operators()
    first, second = tensors.convolution(channels, filters, 3), tensors.convolution(filters, filters, 3)
    stride, padding = (2, 0) if halve else (1, 1)
    shortcut = value
    if halve:
        shortcut = ops.avg_pool(value, [2, 2], [0, 0], [0, 0], [2, 2], True)
        shortcut = _pad(shortcut, filters - channels, 0)
    path = ops.relu(_convolve(value, *first, stride=stride, padding=padding))
    path = _convolve(path, *second, stride=1, padding=1)
    if halve:
        path = _pad(path, 0, side // 2 - ((side - 3) // 2 + 1))
    return ops.relu(ops.add(path, shortcut))


def _pad(value: graph.Node, channels: int, pixels: int) -> graph.Node:
    if not channels and not pixels:
        return value
    return graph.operators().pad(value, [0, 0, 0, 0], [0, channels, pixels, pixels], "constant", np.float32(0))


def _convolve(
    value: graph.Node, kernel: npt.NDArray[np.float64], bias: npt.NDArray[np.float64], stride: int, padding: int
) -> graph.Node:
    return graph.convolution(value, kernel.astype(np.float32), bias.astype(np.float32), stride, padding)


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
