"""What the tests of models share: pictures as RGB pixels, and source crops of the faces in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np

from pipeline.stages.align import crop_face
from pipeline.types import Box, Crop, Detection, Photo, Pixels

ASTRONAUT = Detection(
    Box(181.6, 63.7, 83.0, 107.4),
    np.array([[204.1, 100.6], [245.8, 102.8], [224.7, 127.0], [202.2, 139.2], [244.8, 141.0]], np.float32),
    0.999,
)
"""The face in scikit-image's photo of an astronaut, 512 x 512."""


def pixels_of(file: bytes | Path) -> Pixels:
    """Decode a picture that is known to be good."""
    data = file if isinstance(file, bytes) else file.read_bytes()
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.asarray(bgr[..., ::-1], np.uint8).copy()


def crop_of(file: bytes, detection: Detection = ASTRONAUT) -> Crop:
    """Return the source crop of a face whose place is known."""
    return crop_face(Photo("photo", pixels_of(file), hashlib.sha256(file).hexdigest()), detection)
