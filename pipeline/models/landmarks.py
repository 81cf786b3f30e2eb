"""Placing the five landmarks a second time, on the face at the photo's own resolution."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.models.runtime import Runner
from pipeline.stages.align import square
from pipeline.stages.augment import MIRRORED
from pipeline.types import Box, Detection, Floats, Pixels

_SIDE = 48
"""Side of the third network's input in pixels."""


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
    mirrored = points[:, 1][:, MIRRORED] * (-1, 1) + (1, 0)
    shares = iter((points[:, 0] + mirrored) / 2)
    return [[_placed(face, next(shares)) for face in faces] for faces in found]


def _square(box: Box) -> tuple[float, float, float]:
    """Return left, top and side of the square around a box."""
    side = max(box.width, box.height)
    return box.centre[0] - side / 2, box.centre[1] - side / 2, side


def _patch(photo: Pixels, box: Box) -> Floats:
    """Cut the square around a box for the network, averaging where the face is larger than the patch."""
    patch = square(photo, *_square(box), _SIDE)
    return np.asarray((patch.astype(np.float32) - np.float32(127.5)) * np.float32(1 / 128))


def _placed(face: Detection, shares: npt.NDArray[np.float64]) -> Detection:
    left, top, side = _square(face.box)
    landmarks = (shares * side + (left, top)).astype(np.float32)
    return Detection(face.box, landmarks, face.confidence)
