"""A scene: a face with what is seen around it, at one scale, as simulation and augmentation work on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.types import Box, Floats, Pixels

CANVAS = 320
"""Side of a full scene in pixels."""
FACE = 100
"""Longer side of the face's box in a scene, in pixels."""

Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Scene:
    """`pixels` is uint8 RGB (h, w, 3), cut where the photo ends; `box` is the face's box in it."""

    pixels: Pixels
    box: Box

    def with_pixels(self, pixels: Pixels) -> Scene:
        """Return the same scene with other pixels of the same size."""
        return replace(self, pixels=pixels)


def cut_scene(photo: Pixels, box: Box) -> Scene:
    """Cut the scene around a face out of its photo, scaled so that the box's longer side has `FACE` pixels."""
    scale = FACE / max(box.width, box.height, 1.0)
    reach = CANVAS / 2 / scale
    centre_x, centre_y = box.centre
    left, top = max(0, round(centre_x - reach)), max(0, round(centre_y - reach))
    region = photo[top : round(centre_y + reach), left : round(centre_x + reach)]
    size = (max(1, round(region.shape[1] * scale)), max(1, round(region.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels = np.asarray(cv2.resize(region, size, interpolation=method), dtype=np.uint8)
    moved = Box((box.left - left) * scale, (box.top - top) * scale, box.width * scale, box.height * scale)
    return Scene(pixels, moved)


def tighten(scene: Scene, reach: float, rng: Rng) -> Scene:
    """Cut the scene off around the face, as crops are that come without surroundings.

    What stays is about `reach` times the box in both directions, each side jittered on its own.
    """
    box, (height, width) = scene.box, scene.pixels.shape[:2]
    extra = (reach - 1) / 2 * np.array([box.width, box.height, box.width, box.height])
    left, top, right, bottom = extra * rng.uniform(0.5, 1.5, 4)
    x0, y0 = max(0, int(box.left - left)), max(0, int(box.top - top))
    x1, y1 = min(width, int(box.left + box.width + right)), min(height, int(box.top + box.height + bottom))
    if x1 - x0 < FACE // 2 or y1 - y0 < FACE // 2:
        return scene
    return Scene(scene.pixels[y0:y1, x0:x1], Box(box.left - x0, box.top - y0, box.width, box.height))


def cut_to_reach(scene: Scene, reach: float, rng: Rng) -> Scene:
    """Cut the scene to about `reach` times the box's longer side, moved into what there is."""
    box, (height, width) = scene.box, scene.pixels.shape[:2]
    longer = max(box.width, box.height)
    tall = int(min(height, longer * reach * rng.uniform(0.95, 1.15)))
    wide = int(min(width, longer * reach * rng.uniform(0.95, 1.3)))
    x, y = np.array(box.centre) + rng.normal(0, 0.06, 2) * longer
    left = min(max(round(x - wide / 2), 0), width - wide)
    top = min(max(round(y - tall / 2), 0), height - tall)
    moved = Box(box.left - left, box.top - top, box.width, box.height)
    return Scene(np.ascontiguousarray(scene.pixels[top : top + tall, left : left + wide]), moved)


def mirrored(scene: Scene) -> Scene:
    """Return the scene as a mirror shows it."""
    box, width = scene.box, scene.pixels.shape[1]
    flipped = np.ascontiguousarray(scene.pixels[:, ::-1])
    return Scene(flipped, Box(width - box.left - box.width, box.top, box.width, box.height))


def jittered(box: Box, rng: Rng, amount: float = 0.06) -> Box:
    """Return a box as a less steady detector might give it: moved and scaled by up to `amount` of its size."""
    side = max(box.width, box.height)
    shift_x, shift_y = rng.uniform(-amount, amount, 2) * side
    grow = 1 + rng.uniform(-amount, amount * 1.5)
    width, height = box.width * grow, box.height * grow
    centre_x, centre_y = box.centre
    return Box(centre_x + shift_x - width / 2, centre_y + shift_y - height / 2, width, height)


def as_light(pixels: Pixels) -> Floats:
    """Return pixel values as float32 from 0 to 1."""
    return np.asarray(pixels.astype(np.float32) / np.float32(255), dtype=np.float32)


def as_bytes(light: Floats) -> Pixels:
    """Return values from 0 to 1 as pixels."""
    return np.asarray(np.clip(light * 255 + 0.5, 0, 255), dtype=np.uint8)


def fitted(photo: Pixels, width: int, height: int) -> Floats:
    """Return the photo as light of another size, its proportions let go."""
    return as_light(np.asarray(cv2.resize(photo, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8))
