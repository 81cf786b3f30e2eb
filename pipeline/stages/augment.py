"""Variants of a face as a camera might have taken them: other light, a little blur, noise, compression, tilt."""

import hashlib
import os
import random
from functools import partial
from typing import Any

import cv2
import numpy as np

from pipeline.parallel import parallel_map
from pipeline.types import Box, Crop, Floats

MIRRORED = [1, 0, 2, 4, 3]
"""Which landmark each landmark becomes in a mirror: left and right change places."""


def augment(crop: Crop, count: int) -> list[Crop]:
    """Return `count` variants of the crop, of its size, with landmarks and box moved along with the pixels.

    The n-th variant of the same pixels is always the same one: it is drawn from the crop's digest and n alone.
    Raises ValueError for a negative count.
    """
    if count < 0:
        raise ValueError("count is negative")
    return parallel_map(partial(_variant, crop), range(count))


def mirror(crop: Crop) -> Crop:
    """Return the crop as in a mirror."""
    last = crop.pixels.shape[1] - 1
    landmarks = np.stack([last - crop.landmarks[MIRRORED, 0], crop.landmarks[MIRRORED, 1]], axis=1)
    box = Box(last - crop.box.left - crop.box.width, crop.box.top, crop.box.width, crop.box.height)
    pixels = np.asarray(cv2.flip(crop.pixels, 1), np.uint8)
    return Crop(pixels, landmarks.astype(np.float32), box, _digest(crop, "mirror"), not crop.mirrored)


def _variant(crop: Crop, index: int) -> Crop:
    digest = _digest(crop, str(index))
    generator = np.random.default_rng(int(digest[:16], 16))
    start = mirror(crop) if generator.random() < 0.5 else crop
    box = start.box
    corners = [(box.left, box.top), (box.left + box.width, box.top + box.height)]
    camera = _camera(crop, generator)
    taken = camera(image=start.pixels, keypoints=np.array([*start.landmarks, *corners], np.float32))
    points = np.asarray(taken["keypoints"], np.float32)[:, :2]
    moved = _box_around(box, start.landmarks, points)
    return Crop(np.ascontiguousarray(taken["image"]), points[:5], moved, digest, start.mirrored)


def _camera(crop: Crop, generator: np.random.Generator) -> Any:
    """Build the chain of albumentations; blur is measured against the face, not against the crop.

    Hold and light always differ, so that no variant is the crop itself. All steps draw from one stream: with
    `Compose(seed=...)` each would start its own from the same seed, and their draws would be the same numbers.
    """
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # its import asks the package index for news otherwise
    import albumentations as alb

    blur = max(0.3, crop.box.width / 150)
    steps = [
        alb.Affine(
            scale=(0.95, 1.05),
            translate_percent=(-0.03, 0.03),
            rotate=(-10, 10),
            border_mode=cv2.BORDER_REPLICATE,
            p=1.0,
        ),
        alb.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0.2, p=1.0),
        alb.RandomGamma(gamma_limit=(75, 130), p=0.5),
        alb.HueSaturationValue(hue_shift_limit=6, sat_shift_limit=20, val_shift_limit=0, p=0.4),
        alb.GaussianBlur(blur_limit=0, sigma_limit=(0.2, blur), p=0.4),
        alb.GaussNoise(std_range=(0.01, 0.03), p=0.4),
        alb.ImageCompression(quality_range=(60, 95), p=0.5),
    ]
    camera = alb.Compose(steps, keypoint_params=alb.KeypointParams(format="xy", remove_invisible=False))
    camera.set_random_state(generator, random.Random(int(generator.integers(2**63))))
    return camera


def _box_around(box: Box, before: Floats, points: Floats) -> Box:
    """Return the box scaled as the landmarks were, around where its middle went."""
    size = np.linalg.norm(points[:5] - points[:5].mean(axis=0)) / np.linalg.norm(before - before.mean(axis=0))
    width, height = box.width * float(size), box.height * float(size)
    x, y = points[5:7].mean(axis=0)
    return Box(float(x) - width / 2, float(y) - height / 2, width, height)


def _digest(crop: Crop, variant: str) -> str:
    return hashlib.sha256(f"{crop.digest}:{variant}".encode()).hexdigest()
