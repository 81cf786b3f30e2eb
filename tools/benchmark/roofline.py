"""The machine that figures were measured on, and what the bare arithmetic of a scenario costs on it."""

import math
import platform
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from pipeline.parallel import usable_cores
from pipeline.types import Pixels
from tools.benchmark.measure import seconds

_SIDE, _BYTES, _TRIES = 1024, 1 << 28, 5

PROPOSAL_FLOPS_PER_PIXEL = 2 * (27 * 10 + 90 * 16 / 4 + 144 * 32 / 4 + 32 * 6 / 4)
"""MTCNN's first network: 3x3 convolutions to 10, 16 and 32 maps; all but the first work on a quarter of the pixels."""
PYRAMID = 0.36 / (1 - 0.709**2)
"""Pixels of all levels together over those of the photo that is searched: 12/20, then steps of 0.709."""
_KNOWN = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16", "sve")
_CPUINFO = Path("/proc/cpuinfo")


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


def network_flops(model: Any) -> float:
    """Return the operations of an OpenVINO network's convolutions and matrix products for one row of input."""
    one = model.clone()
    one.reshape([1, *one.input(0).get_partial_shape()[1:]])
    return sum(_flops(node) for node in one.get_ordered_ops())


def detection_s(photos: Iterable[Pixels]) -> float:
    """Return the seconds that the arithmetic of MTCNN's first network takes for photos, at the size it searches."""
    from pipeline.models.mtcnn import working_scale

    pixels = sum(photo.shape[0] * photo.shape[1] * working_scale(photo) ** 2 for photo in photos)
    return arithmetic_s(pixels * PYRAMID * PROPOSAL_FLOPS_PER_PIXEL)


def _flops(node: Any) -> float:
    kind = node.get_type_name()
    if kind not in ("Convolution", "GroupConvolution", "MatMul"):
        return 0.0
    kernel: tuple[int, ...] = tuple(node.input_value(1).get_shape())
    if kind == "MatMul":
        return 2.0 * math.prod(kernel)
    each = kernel[2:] if kind == "GroupConvolution" else kernel[1:]  # (groups, out, in, ...) or (out, in, ...)
    output: tuple[int, ...] = tuple(node.output(0).get_shape())
    return 2.0 * math.prod(output) * math.prod(each)


def described() -> str:
    """Return the processor's name, the cores in use and the instruction sets that networks profit from."""
    name = _entry("model name") or platform.processor() or platform.machine()
    found = [one for one in _KNOWN if one in _flags()]
    return f"{name}, {usable_cores()} cores, {' '.join(found) or 'instruction sets unknown'}"


def has_avx512() -> bool:
    """Whether the processor has AVX-512; False where it cannot be told."""
    return "avx512f" in _flags()


def _flags() -> list[str]:
    return (_entry("flags") or _entry("Features")).split()


@cache
def _entry(name: str) -> str:
    """Return the first processor's entry in /proc/cpuinfo; empty where there is none."""
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines() if _CPUINFO.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), "")
