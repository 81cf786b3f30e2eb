"""Measures on clips how well smiles and blinks are distinguished from a person's own neutral frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.stages.align import crop_face
from pipeline.stages.challenge import BLINK, SMILE, STRAIGHT, STRAIGHT_AT_FIRST, Pose, expressions
from pipeline.stages.quality.geometry import head_pose
from pipeline.types import Crop, Detector, Floats, Photo, Pixels

MOST_BASES, MOST_FRAMES = 20, 200
"""Neutral frames of a clip that are measured against, and frames that are measured."""


@dataclass(frozen=True)
class Expressive:
    """Frames as a person sees them: smiling, on the way there or back, eyes closed, and eyes half closed."""

    smiling: frozenset[int] = frozenset()
    half_smiling: frozenset[int] = frozenset()
    closed: frozenset[int] = frozenset()
    half_closed: frozenset[int] = frozenset()


def _frames(*parts: int | range) -> frozenset[int]:
    return frozenset(at for part in parts for at in (part if isinstance(part, range) else (part,)))


EXPRESSIVE: Mapping[str, Expressive] = {
    "Apfol_real2.webm": Expressive(
        _frames(range(107, 158)),
        _frames(range(90, 107), range(158, 162)),
        _frames(67, 68, 197, 198),
        _frames(66, 69, 70, 196, 199, range(204, 207)),
    ),
    "Apfol_fake2.webm": Expressive(
        _frames(range(209, 304)),
        _frames(range(204, 209), range(304, 348)),
        _frames(range(110, 114), range(202, 206), range(248, 252), range(290, 294)),
        _frames(108, 109, range(114, 118), range(174, 186), range(198, 202), 206, 207, 246, 247, 252, 253, 294, 295),
    ),
    "Krzysiek354_real.mp4": Expressive(_frames(range(15, 32)), _frames(13, 14, 32)),
    "intel_head-pose-male.gif": Expressive(
        half_smiling=_frames(range(59, 62)), closed=_frames(60, 61), half_closed=_frames(59)
    ),
    "intel_head-pose-female.gif": Expressive(),
}
"""The public clips of one person each. The man of the fifth smiles all along: that is his neutral frame here."""


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


def expression_lines(seen: Sequence[Seen], labelled: Expressive, pictures: Sequence[Seen] = ()) -> list[str]:
    """Say how many frames that look straight ahead show a smile or a blink, against each of a clip's neutral frames.

    `pictures` are views of one of its frames, held as a photo.
    """
    drowsy, moved = labelled.closed | labelled.half_closed, labelled.smiling | labelled.half_smiling
    calm = [one for one in seen if one.number not in moved]
    awake = [one for one in seen if one.number not in drowsy]
    neutral = [one for one in calm if one.number not in drowsy and abs(one.yaw) <= STRAIGHT_AT_FIRST]
    bases = [neutral[at] for at in np.unique(np.linspace(0, len(neutral) - 1, MOST_BASES).astype(int)) if neutral]

    def line(action: str, pose: Pose, shown: frozenset[int], others: Sequence[Seen]) -> str:
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
