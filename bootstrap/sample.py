"""A face-shaped input that warms models up: of an ordinary size, and of nobody."""

from __future__ import annotations

import numpy as np

from pipeline.stages.align import crop_face
from pipeline.types import Box, Detection, Face, Photo

_SIDE = 640
_LANDMARKS = np.array([[260, 280], [380, 280], [320, 350], [270, 420], [370, 420]], np.float32)


def sample_face() -> Face:
    """Return a face of smooth noise in a photo of 640 x 640."""
    waves = np.add.outer(np.sin(np.arange(_SIDE) / 9), np.cos(np.arange(_SIDE) / 13))
    grey = (waves * 50 + 128).astype(np.uint8)
    photo = Photo("sample", np.repeat(grey[:, :, np.newaxis], 3, axis=2), "0" * 64)
    detection = Detection(Box(200, 180, 240, 300), _LANDMARKS, 1.0)
    return Face(photo, detection, crop_face(photo, detection))
