"""What the bare arithmetic of a scenario costs on this machine."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from pipeline.parallel import usable_cores
from tools.benchmark.measure import seconds

_SIDE, _BYTES, _TRIES = 1024, 1 << 28, 5

PROPOSAL_FLOPS_PER_PIXEL = 2 * (27 * 10 + 90 * 16 / 4 + 144 * 32 / 4 + 32 * 6 / 4)
"""MTCNN's first network: 3x3 convolutions to 10, 16 and 32 maps; all but the first work on a quarter of the pixels."""
PYRAMID = 0.36 / (1 - 0.709**2)
"""Pixels of all levels together over those of the photo that is searched: 12/20, then steps of 0.709."""


@cache
def flops_per_s() -> float:
    """Return the floating-point operations a second of a float32 matrix product of 1024 x 1024, best of five."""
    left = np.ones((_SIDE, _SIDE), np.float32)
    with threadpoolctl.threadpool_limits(usable_cores(), user_api="blas"):
        best = min(seconds(lambda: left @ left) for _ in range(_TRIES))
    return 2 * _SIDE**3 / best


@cache
def bytes_per_s() -> float:
    """Return the bytes a second that a sum over 256 MiB reads, best of five."""
    values = np.ones(_BYTES // 4, np.float32)
    return _BYTES / min(seconds(values.sum) for _ in range(_TRIES))


def arithmetic_s(flops: float) -> float:
    """Return the seconds that so many operations take as matrix products."""
    return flops / flops_per_s()


def reading_s(read: float) -> float:
    """Return the seconds that reading so many bytes from memory takes."""
    return read / bytes_per_s()


def graph_flops(graph: bytes | Path) -> float:
    """Return the operations of an ONNX graph's convolutions and matrix products for one row of input."""
    import onnx

    model = onnx.load_model_from_string(graph) if isinstance(graph, bytes) else onnx.load(graph)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    inferred = onnx.shape_inference.infer_shapes(model)
    sizes = {one.name: list(one.dims) for one in inferred.graph.initializer}
    shapes = {value.name: _shape(value) for value in (*inferred.graph.value_info, *inferred.graph.output)}
    return sum(_flops(node, sizes, shapes) for node in inferred.graph.node)


def detection_flops(pixels: float) -> float:
    """Return the operations of MTCNN's first network over photos that are searched at so many pixels together."""
    return pixels * PYRAMID * PROPOSAL_FLOPS_PER_PIXEL


def _flops(node: Any, sizes: dict[str, list[int]], shapes: dict[str, list[int]]) -> float:
    weights = next((sizes[name] for name in node.input[1:] if name in sizes), None)
    output = shapes.get(node.output[0])
    if weights is None or output is None or node.op_type not in ("Conv", "Gemm", "MatMul"):
        return 0.0
    if node.op_type == "Conv":
        return 2.0 * math.prod(output) * math.prod(weights[1:])
    return 2.0 * math.prod(weights)


def _shape(value: Any) -> list[int]:
    return [axis.dim_value or 1 for axis in value.type.tensor_type.shape.dim]
