"""The fixed part of the liveness network that measures texture and colour with filters of our own.

What a screen, a print and a second camera leave is counted: how often each 3x3 cosine filter answers how strongly, in
brightness and in both colour differences, at five scales (the residual co-occurrences of steganalysis in their
simplest form: J. Fridrich, J. Kodovsky, 2012; colour texture: Z. Boulkenafet et al., 2016), and how brightness and
colours are spread. Nothing here is trained.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

SCALES = 5
_CROP = ((10, 10), (18, 18))
_BRIGHTNESS = np.array([0.299, 0.587, 0.114])
_BLUENESS = np.array([-0.169, -0.331, 0.5])
_REDNESS = np.array([0.5, -0.419, -0.081])
"""ITU-R BT.601 for RGB in steps of an 8-bit pixel."""

Kernel = npt.NDArray[np.float64]


def texture(face: Any) -> Any:
    """Measure face views (n, 112, 112, 3), RGB from 0 to 255: shares (n, k) from 0 to 1."""
    from keras import layers

    level = layers.Cropping2D(_CROP, name="inner")(face)
    half = layers.AveragePooling2D(2, name="half")(level)
    counted = []
    for scale in range(SCALES):
        kernels = _texture_kernels(with_colour=scale > 0)
        counted.append(_counted(level, kernels, np.zeros(kernels.shape[-1]), f"texture_{scale}"))
        level = half if scale == 0 else layers.AveragePooling2D(2, name=f"level_{scale + 1}")(level)
    kernels, offsets = _tone_kernels()
    counted.append(_counted(half, kernels, offsets, "tones"))
    return layers.Concatenate(name="texture")(counted)


def _counted(tensor: Any, kernels: Kernel, offsets: Kernel, name: str) -> Any:
    """Answer how much of the picture reaches each kernel's threshold: a ramp from 0 to 1, averaged over the picture."""
    from keras import layers

    convolution = layers.Conv2D(kernels.shape[-1], kernels.shape[0], trainable=False, name=name)
    answer = convolution(tensor)
    convolution.set_weights([kernels.astype(np.float32), offsets.astype(np.float32)])
    reached = layers.ReLU(max_value=1.0, name=f"{name}_reached")(answer)
    return layers.GlobalAveragePooling2D(name=f"{name}_share")(reached)


def _texture_kernels(*, with_colour: bool) -> Kernel:
    """Return (3, 3, 3, n): each cosine filter, of either sign, scaled so that each threshold in pixel steps is 1."""
    row = (np.array([1, 1, 1]) / 3, np.array([1, 0, -1]) / 2, np.array([-1, 2, -1]) / 4)
    filters = [np.outer(row[i], row[j]) for i in range(3) for j in range(3) if i or j]
    banks: list[tuple[Kernel, tuple[float, ...]]] = [(_BRIGHTNESS, (1.5, 4.0, 10.0, 25.0))]
    if with_colour:
        banks += [(_BLUENESS, (1.0, 2.5, 6.0)), (_REDNESS, (1.0, 2.5, 6.0))]
    kernels = [
        sign * one[:, :, None] * mix / threshold
        for mix, thresholds in banks
        for one in filters
        for threshold in thresholds
        for sign in (1, -1)
    ]
    return np.stack(kernels, axis=-1)


def _tone_kernels() -> tuple[Kernel, Kernel]:
    """Return (1, 1, 3, n) and offsets (n,): cumulative histograms of brightness, colours, clipping and differences."""
    ramps: list[tuple[Kernel, float]] = []
    for mix, low, high, width in (
        (_BRIGHTNESS, 0.0, 255.0, 24.0),
        (_BLUENESS, -60.0, 60.0, 10.0),
        (_REDNESS, -60.0, 60.0, 10.0),
    ):
        step = (high - low) / 12
        ramps += [(mix / width, -(low + step * (index + 0.5)) / width + 0.5) for index in range(12)]
    red, green, blue = np.eye(3)
    ramps += [(unit / 4, -level / 4 + 0.5) for unit in (red, green, blue) for level in (8, 250)]
    for first, second in ((red, green), (green, blue), (red, blue)):
        difference = (first - second) / 12
        ramps += [(difference, -level / 12 + 0.5) for level in (-60, -36, -20, -8, 0, 8, 20, 36, 60, 90)]
    kernels = np.stack([kernel for kernel, _ in ramps], axis=-1)[None, None]
    return kernels, np.array([offset for _, offset in ramps])
