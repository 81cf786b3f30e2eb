"""Measures on clips how well smiles and blinks are distinguished from a person's own neutral frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.stages.align import crop_face
from pipeline.stages.challenge import BLINK, SMILE, STRAIGHT, STRAIGHT_AT_FIRST, Pose, expressions
from pipeline.stages.quality.geometry import head_pose
from pipeline.types import Crop, Detector, Floats, Photo, Pixels
from tools.evaluation.clips import Frames, Labels

MOST_BASES, MOST_FRAMES = 20, 200
"""Neutral frames of a clip that are measured against, and frames that are measured."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame's number, its largest face's landmarks and crop, and the head's yaw in degrees."""

    number: int
    landmarks: Floats
    crop: Crop
    yaw: float


def faces_of(frames: Sequence[Pixels], detector: Detector) -> list[Seen]:
    """Find the largest face of up to `MOST_FRAMES` frames spread over a clip."""
    seen = []
    for number in np.unique(np.linspace(0, len(frames) - 1, MOST_FRAMES).astype(int)).tolist():
        faces = detector.detect([frames[number]])[0]
        if faces:
            crop = crop_face(Photo(str(number), frames[number], str(number)), faces[0])
            seen.append(Seen(number, faces[0].landmarks, crop, head_pose(faces[0].landmarks).yaw))
    return seen


def expression_lines(seen: Sequence[Seen], labelled: Labels, pictures: Sequence[Seen] = ()) -> list[str]:
    """Say how many frames that look straight ahead show a smile or a blink, against each of a clip's neutral frames.

    `pictures` are views of one of its frames, held as a photo.
    """
    drowsy, moved = labelled.closed + labelled.half_closed, labelled.smiling + labelled.half_smiling
    calm = [one for one in seen if one.number not in moved]
    awake = [one for one in seen if one.number not in drowsy]
    neutral = [one for one in calm if one.number not in drowsy and abs(one.yaw) <= STRAIGHT_AT_FIRST]
    bases = [neutral[at] for at in np.unique(np.linspace(0, len(neutral) - 1, MOST_BASES).astype(int)) if neutral]

    def line(action: str, pose: Pose, shown: Frames, others: Sequence[Seen]) -> str:
        groups = [one for one in seen if one.number in shown], others, pictures
        seen_as = [_share(bases, group, action, pose) for group in groups]
        return f"{action:8} seen {seen_as[0]}, where there is none {seen_as[1]}, of a held photo {seen_as[2]}"

    return [line(SMILE, Pose.SMILES, labelled.smiling, calm), line(BLINK, Pose.BLINKS, labelled.closed, awake)]


def _share(bases: Sequence[Seen], frames: Sequence[Seen], action: str, pose: Pose) -> str:
    """Say in how many pairs of a neutral frame and another one, both straight ahead, the other one shows the action."""
    ahead = [(base, one) for base in bases for one in frames if base is not one and abs(one.yaw - base.yaw) <= STRAIGHT]
    found = sum(_look(base, one, action) is pose for base, one in ahead)
    return f"{found} of {len(ahead)} ({found / len(ahead):.1%})" if ahead else "0 of 0"


def _look(base: Seen, one: Seen, action: str) -> Pose:
    crops = base.crop, one.crop
    return expressions([Pose.STRAIGHT] * 2, [base.landmarks, one.landmarks], crops.__getitem__, (action,))[1]
