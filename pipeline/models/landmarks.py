"""Placing the five landmarks a second time, on the face at the photo's own resolution."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.models.runtime import Runner
from pipeline.types import Box, Detection, Floats, Pixels

_SIDE = 48
"""Side of the third network's input in pixels."""

_MIRRORED = [1, 0, 2, 4, 3]
"""Which landmark each landmark becomes in a mirror."""


def look_again(
    photos: Sequence[Pixels], found: Sequence[Sequence[Detection]], network: Runner
) -> list[list[Detection]]:
    """Place every face's landmarks anew, each as the mean over the face and its mirror image.

    `network` is MTCNN's third one. The first pass samples large faces coarsely, as the package does, and is half a
    pixel off; on LFW the second one takes an eighth of the recognition errors away.
    """
    patches = [_patch(photo, face.box) for photo, faces in zip(photos, found, strict=True) for face in faces]
    if not patches:
        return [list(faces) for faces in found]
    both = np.stack([view for patch in patches for view in (patch, patch[:, ::-1])])
    points = network([both])[1].reshape(-1, 2, 2, 5).transpose(0, 1, 3, 2)
    mirrored = points[:, 1][:, _MIRRORED] * (-1, 1) + (1, 0)
    shares = iter((points[:, 0] + mirrored) / 2)
    return [[_placed(face, next(shares)) for face in faces] for faces in found]


def _square(box: Box) -> tuple[float, float, float]:
    """Return left, top and side of the square around a box."""
    side = max(box.width, box.height)
    return box.centre[0] - side / 2, box.centre[1] - side / 2, side


def _patch(photo: Pixels, box: Box) -> Floats:
    """Cut the square around a box for the network, averaging where the face is larger than the patch."""
    left, top, length = _square(box)
    times = min(16, max(1, math.ceil(length / _SIDE)))
    step = length / (_SIDE * times)
    matrix = np.array([[step, 0, left + (step - 1) / 2], [0, step, top + (step - 1) / 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(photo, matrix, (_SIDE * times, _SIDE * times), flags=flags, borderValue=(127, 127, 127))
    patch = cv2.resize(fine, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) if times > 1 else fine
    return np.asarray((patch.astype(np.float32) - np.float32(127.5)) * np.float32(1 / 128))


def _placed(face: Detection, shares: npt.NDArray[np.float64]) -> Detection:
    left, top, side = _square(face.box)
    landmarks = (shares * side + (left, top)).astype(np.float32)
    return Detection(face.box, landmarks, face.confidence)
