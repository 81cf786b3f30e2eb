"""Challenges: a random list of actions, and whether frames show them in their order.

`turn_left` and `turn_right` are the person's own left and right, in frames that are not mirrored. `smile` and `blink`
are asked for only where the settings say so: docs/challenge.md says how well they are recognised.
"""

import random
from collections.abc import Callable, Collection, Sequence
from enum import Enum

from codes_dict import Code, Refusal
from pipeline.ledger import Ledger
from pipeline.ports import Challenges
from pipeline.stages.compare import fused_scores
from pipeline.stages.expression import eye_openness, mouth_width
from pipeline.stages.quality.geometry import head_pose
from pipeline.stages.sightings import Probes, Sighting, largest_of_each, stacked
from pipeline.types import Crop, Floats, Scorer

TURN_LEFT, TURN_RIGHT, SMILE, BLINK = "turn_left", "turn_right", "smile", "blink"
ACTIONS = (TURN_LEFT, TURN_RIGHT, SMILE, BLINK)
LENGTH = 3
LIFETIME_S = 180

STRAIGHT_AT_FIRST = 20.0
"""Yaw in degrees, to either side, up to which the first frame looks straight ahead."""
STRAIGHT, TURNED = 12.0, 20.0
"""Yaw against the first frame in degrees: up to the one a head looks straight ahead, from the other on it is turned."""

NEUTRAL_MOUTH, SMILING_MOUTH = 1.06, 1.12
"""Width of the mouth over the first frame's: up to the one it is neutral, from the other on it smiles."""
CLOSED_EYES = 0.65
"""Openness of the eyes over the first frame's, up to which they are closed."""


class Pose(Enum):
    """What the head of a frame does, as far as a challenge asks; STRAIGHT is straight ahead and nothing else."""

    STRAIGHT = "straight"
    LEFT = TURN_LEFT
    RIGHT = TURN_RIGHT
    SMILES = SMILE
    BLINKS = BLINK
    BETWEEN = "between"


def draw_actions(source: random.Random, actions: Sequence[str]) -> tuple[str, ...]:
    """Draw a challenge from the actions that may be asked for, each place anew: of two actions one of eight lists."""
    return tuple(source.choice(actions) for _ in range(LENGTH))


def redeem(person_id: str, nonce: str | None, challenges: Challenges, ledger: Ledger) -> tuple[str, ...]:
    """Use up the challenge that an upload answers; return its actions, none where the upload answers none."""
    if nonce is None:
        return ()
    with ledger.stage("challenge", 1) as row:
        if not nonce:
            raise Refusal(Code.CHALLENGE_MISSING, field="challenge")
        actions = challenges.redeem(person_id, nonce)
        row.note(actions=list(actions))
        row.went_out = 1
    return actions


def meet_challenge(
    asked: Sequence[str],
    everyone: Sequence[Sighting],
    probes: Probes,
    source_crop: Callable[[Sighting], Crop],
    likeness: tuple[Scorer, str],
    ledger: Ledger,
) -> Probes:
    """Judge an upload's answer to a challenge, and return those of its faces that may be compared.

    `everyone` are all faces of the upload, `probes` the live ones; `likeness` is the scorer and SIM_FUNC. A face is
    compared where it looks straight ahead in a good frame and is the person who did the actions `asked`.
    Refuses with CHALLENGE_MISSING where none were asked, and with CHALLENGE_FAILED.
    """
    with ledger.stage("challenge", len(probes.faces)) as row:
        if not asked:
            raise Refusal(Code.CHALLENGE_MISSING)
        track = largest_of_each(probes.faces)
        looks = _looks(track, source_crop, asked)
        done = _done_by(track, looks, likeness)
        for face, pose in zip(track, looks, strict=True):
            row.note(image=face.photo.name, pose=pose.value, done=list(done.get(face, ())))
        row.note(asked=list(asked))
        fronts = [face for face in done if face.good and fulfils(done[face], asked)]
        if not fronts:
            raise Refusal(Code.CHALLENGE_FAILED)
        row.went_out = len(fronts)
        frames = [track[0], *largest_of_each(everyone)]
        ahead = zip(frames[1:], _looks(frames, source_crop, asked)[1:], strict=True)
        return Probes(fronts, len({face.group for face, pose in ahead if face.good and pose is Pose.STRAIGHT}))


def _looks(faces: Sequence[Sighting], source_crop: Callable[[Sighting], Crop], asked: Sequence[str]) -> list[Pose]:
    """Return what each face does, measured against the first one."""
    landmarks = [face.detection.landmarks for face in faces]
    return expressions(poses(landmarks), landmarks, lambda at: source_crop(faces[at]), asked)


def _done_by(
    track: Sequence[Sighting], looks: Sequence[Pose], likeness: tuple[Scorer, str]
) -> dict[Sighting, tuple[str, ...]]:
    """Return for each face that looks straight ahead the actions that this very person did.

    A face that does an action counts only for faces that it matches at the threshold of one image.
    """
    ahead = [face for face, pose in zip(track, looks, strict=True) if pose is Pose.STRAIGHT]
    if not ahead:
        return {}
    scorer, sim_func = likeness
    scores, _ = fused_scores(stacked(ahead), stacked(track), scorer, sim_func, 1)
    is_same = scores <= scorer.threshold(1, 1)
    return {
        face: performed([pose for pose, same in zip(looks, row, strict=True) if same or pose is Pose.STRAIGHT])
        for face, row in zip(ahead, is_same, strict=True)
    }


def poses(landmarks: Sequence[Floats]) -> list[Pose]:
    """Return where each frame's head looks, from its landmarks (5, 2), against the first frame.

    If the first frame does not look straight ahead there is nothing to measure against: every pose is BETWEEN.
    """
    yaws = [head_pose(one).yaw for one in landmarks]
    if not yaws or not abs(yaws[0]) <= STRAIGHT_AT_FIRST:
        return [Pose.BETWEEN] * len(yaws)
    return [_pose(yaw - yaws[0]) for yaw in yaws]


def expressions(
    seen: Sequence[Pose], landmarks: Sequence[Floats], crop_of: Callable[[int], Crop], asked: Collection[str]
) -> list[Pose]:
    """Return the poses with smiles and blinks told apart from looking straight ahead; only those that are asked for.

    `landmarks` are each frame's, (5, 2); `crop_of` returns a frame's source crop, and is called where it is needed.
    """
    looks = list(seen)
    open_eyes = eye_openness(crop_of(0)) if BLINK in asked and seen else 0.0
    for at, pose in enumerate(seen):
        if pose is not Pose.STRAIGHT or at == 0:
            continue
        wider = mouth_width(landmarks[at]) / max(mouth_width(landmarks[0]), 1e-6) if SMILE in asked else 1.0
        if wider >= SMILING_MOUTH:
            looks[at] = Pose.SMILES
        elif open_eyes > 0 and eye_openness(crop_of(at)) <= CLOSED_EYES * open_eyes:
            looks[at] = Pose.BLINKS
        elif wider > NEUTRAL_MOUTH:
            looks[at] = Pose.BETWEEN
    return looks


def performed(seen: Sequence[Pose]) -> tuple[str, ...]:
    """Return the actions that frames show, in order.

    Neighbouring frames of one action are one; the same action counts again after the head looked straight ahead.
    """
    done: list[str] = []
    last = Pose.STRAIGHT
    for pose in seen:
        if pose is Pose.BETWEEN:
            continue
        if pose is not Pose.STRAIGHT and pose is not last:
            done.append(pose.value)
        last = pose
    return tuple(done)


def fulfils(done: Sequence[str], asked: Sequence[str]) -> bool:
    """Whether exactly what was asked for was done, in order; blinks in between are ignored."""
    left = list(asked)
    for action in done:
        if left and action == left[0]:
            left.pop(0)
        elif action != BLINK:
            return False
    return not left


def _pose(yaw: float) -> Pose:
    """Return the pose of a yaw in degrees; positive is to the image's right, which is the person's left."""
    if abs(yaw) <= STRAIGHT:
        return Pose.STRAIGHT
    if abs(yaw) < TURNED:
        return Pose.BETWEEN
    return Pose.LEFT if yaw > 0 else Pose.RIGHT
