"""Drawings and paintings of a face: what a pencil, a brush or a filter makes of a photo."""

import cv2
import numpy as np

from pipeline.types import Pixels
from tools.training.scene import Rng, Scene, as_bytes, as_light


def drawn(scene: Scene, rng: Rng) -> Scene:
    """Return the scene as a drawing: painted, sketched in pencil or colours, or flat like a cartoon."""
    styles = (_painted, _coloured_pencil, _pencil, _cartoon)
    make = styles[int(rng.choice(len(styles), p=(0.3, 0.25, 0.2, 0.25)))]
    return scene.with_pixels(make(np.ascontiguousarray(scene.pixels), rng))


def _painted(pixels: Pixels, rng: Rng) -> Pixels:
    sigma = (float(rng.uniform(20, 90)), float(rng.uniform(0.25, 0.7)))
    return np.asarray(cv2.stylization(pixels, sigma_s=sigma[0], sigma_r=sigma[1]), dtype=np.uint8)


def _coloured_pencil(pixels: Pixels, rng: Rng) -> Pixels:
    sigma = (float(rng.uniform(20, 80)), float(rng.uniform(0.04, 0.15)))
    shade = float(rng.uniform(0.02, 0.08))
    _, coloured = cv2.pencilSketch(pixels, sigma_s=sigma[0], sigma_r=sigma[1], shade_factor=shade)
    return np.asarray(coloured, dtype=np.uint8)


def _pencil(pixels: Pixels, rng: Rng) -> Pixels:
    """Divide the brightness by its soft surroundings, which leaves lines, on tinted paper."""
    grey = as_light(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    soft = cv2.GaussianBlur(1 - grey, (0, 0), float(rng.uniform(2, 9)))
    lines = np.clip(grey / np.maximum(1 - soft, 0.02), 0, 1)
    paper = np.array([1.0, 0.97, 0.92]) * rng.uniform(0.85, 1.0, 3)
    return as_bytes((lines[..., None] * paper).astype(np.float32))


def _cartoon(pixels: Pixels, rng: Rng) -> Pixels:
    """Flatten the tones, and draw lines where there are edges."""
    flat = as_light(cv2.medianBlur(cv2.bilateralFilter(pixels, 7, 60, 7), 5))
    steps = float(rng.integers(4, 14))
    flat = np.asarray(np.round(flat * steps) / steps, dtype=np.float32)
    if rng.random() < 0.6:
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        lines = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, 6)
        flat = flat * (0.25 + 0.75 * as_light(lines)[..., None])
    return as_bytes(flat)
