"""Drawn hands and arms: what holds a screen or a sheet, and what people hold before them otherwise."""

import cv2
import numpy as np

from pipeline.types import Floats, Pixels
from tools.training.scene import CANVAS, Rng, as_light


def with_arm(room: Floats, skin: Pixels, rng: Rng) -> Floats:
    """Draw a forearm, or a sleeve, that comes up from below behind the thing."""
    x, spread = rng.uniform(0.2, 0.8) * CANVAS, rng.uniform(30, 70)
    lean = rng.normal(0, 60)
    shape = np.array([[x - spread / 2, CANVAS * 0.5], [x + spread / 2, CANVAS * 0.5], [x + spread + lean, CANVAS],
                      [x - spread + lean, CANVAS]])  # fmt: skip
    mask = np.zeros((CANVAS, CANVAS), np.float32)
    cv2.fillConvexPoly(mask, shape.astype(np.int32), 1.0)
    colour = (
        _skin_colour(skin, rng)
        if rng.random() < 0.5
        else np.asarray(rng.uniform(0.02, 0.8) * np.exp(rng.normal(0, 0.25, 3)), dtype=np.float32)
    )
    return _laid(room, mask, colour, rng)


def with_fingers(made: Floats, at: tuple[float, float], size: tuple[int, ...], skin: Pixels, rng: Rng) -> Floats:
    """Draw fingers over one edge of a thing at (x, y) of `size` (height, width), maybe a thumb over the other."""
    (left, top), (height, width) = at, size
    colour = _skin_colour(skin, rng)
    at_left = rng.random() < 0.5
    mask = np.zeros((CANVAS, CANVAS), np.float32)
    start = top + rng.uniform(0.3, 0.8) * height
    thick = int(rng.uniform(12, 26))
    for number in range(int(rng.integers(1, 5))):
        y = start + number * thick * rng.uniform(0.95, 1.2)
        _finger(mask, left if at_left else left + width, y, thick, 1 if at_left else -1, rng)
    if rng.random() < 0.6:
        y = top + rng.uniform(0.3, 0.9) * height
        _finger(mask, left + width if at_left else left, y, int(thick * 1.3), -1 if at_left else 1, rng)
    return _laid(made, mask, colour, rng)


def with_hand(light: Floats, skin: Pixels, rng: Rng) -> Floats:
    """Draw fingers that come in from the side, below the eyes, as people have them who hold something else."""
    height, width = light.shape[:2]
    mask = np.zeros((height, width), np.float32)
    at_left, thick = rng.random() < 0.5, int(rng.uniform(12, 26))
    y, x = rng.uniform(0.5, 0.95) * height, rng.uniform(0.0, 0.3) * width
    for _ in range(int(rng.integers(1, 5))):
        _finger(mask, x if at_left else width - x, y, thick, 1 if at_left else -1, rng)
        y += thick * rng.uniform(0.95, 1.2)
    return _laid(light, mask, _skin_colour(skin, rng), rng)


def _finger(mask: Floats, x: float, y: float, thick: int, inward: int, rng: Rng) -> None:
    tip = (int(x + inward * rng.uniform(4, 34)), int(y + rng.normal(0, 5)))
    root = (int(x - inward * rng.uniform(20, 70)), int(y + rng.normal(8, 10)))
    cv2.line(mask, root, tip, 1.0, thick)


def _laid(light: Floats, mask: Floats, colour: Floats, rng: Rng) -> Floats:
    """Lay a softly shaded colour over the light where the mask is."""
    shade = cv2.GaussianBlur(mask, (0, 0), 5.0)[..., None]
    grain = cv2.GaussianBlur(rng.standard_normal(mask.shape, dtype=np.float32), (0, 0), 3.0)[..., None] * 0.06
    body = colour * (0.45 + 0.65 * shade + grain)
    share = cv2.GaussianBlur(mask, (0, 0), 0.8)[..., None]
    return np.asarray(np.clip(light * (1 - share) + body * share, 0, 1), dtype=np.float32)


def _skin_colour(skin: Pixels, rng: Rng) -> Floats:
    height, width = skin.shape[:2]
    middle = skin[int(height * 0.45) : int(height * 0.6), int(width * 0.42) : int(width * 0.58)]
    colour = as_light(middle).reshape(-1, 3).mean(axis=0) * rng.uniform(0.4, 1.2)
    return np.asarray(np.clip(colour, 0, 1), dtype=np.float32)
