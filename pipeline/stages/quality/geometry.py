"""What the five landmarks say: head pose and size."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from pipeline.stages.align import ARCFACE_TEMPLATE
from pipeline.types import Floats

_DEPTH = np.array([0.0, 0.0, 16.0, 3.0, 3.0])
"""How far the landmarks protrude towards the camera, in the template's units (a 63 mm eye distance is 35.2)."""


@dataclass(frozen=True)
class HeadPose:
    """Angles in degrees. Positive `yaw`: turned to the image's right; `pitch`: looking up; `roll`: tilted clockwise."""

    yaw: float
    pitch: float
    roll: float


def head_pose(landmarks: Floats) -> HeadPose:
    """Estimate the head's pose from five landmarks, (5, 2), by fitting a rigid mean face seen from far away.

    The mean face is flat but for the nose and the mouth, so the angles are good to about 10 degrees.
    """
    points = landmarks.astype(np.float64)
    points -= points.mean(axis=0)
    affine = (_to_pose() @ points).T
    u, _, vt = np.linalg.svd(affine, full_matrices=False)
    rotation = u @ vt
    eyes = points[1] - points[0]
    return HeadPose(
        yaw=float(np.degrees(np.arcsin(np.clip(rotation[0, 2], -1, 1)))),
        pitch=float(-np.degrees(np.arcsin(np.clip(rotation[1, 2], -1, 1)))),
        roll=float(np.degrees(np.arctan2(eyes[1], eyes[0]))),
    )


@cache
def _to_pose() -> npt.NDArray[np.float64]:
    """Return what least squares multiply the landmarks with, (3, 5): the mean face's pseudo-inverse."""
    flat = ARCFACE_TEMPLATE.astype(np.float64)
    return np.linalg.pinv(np.column_stack([flat - flat.mean(axis=0), _DEPTH - _DEPTH.mean()]))


def inter_eye_distance(landmarks: Floats) -> float:
    """Return the distance between the eyes' centres in pixels, as the standard's InterEyeDistance without the yaw."""
    return float(np.linalg.norm(landmarks[1] - landmarks[0]))
