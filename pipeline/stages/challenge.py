"""Challenges: a random list of head turns, and whether frames show them in their order.

`turn_left` and `turn_right` are the person's own left and right, in frames that are not mirrored. Blinking and smiling
are not asked for: no data here shows what recognising them would reach; docs/challenge.md.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import Enum

from pipeline.stages.quality.geometry import head_pose
from pipeline.types import Floats

TURN_LEFT, TURN_RIGHT = "turn_left", "turn_right"
ACTIONS = (TURN_LEFT, TURN_RIGHT)
LENGTH = 3
LIFETIME_S = 180

STRAIGHT_AT_FIRST = 20.0
"""Yaw in degrees, to either side, up to which the first frame looks straight ahead."""
STRAIGHT, TURNED = 12.0, 20.0
"""Yaw against the first frame in degrees: up to the one a head looks straight ahead, from the other on it is turned."""


class Pose(Enum):
    """Where the head of a frame looks, as far as a challenge asks."""

    STRAIGHT = "straight"
    LEFT = TURN_LEFT
    RIGHT = TURN_RIGHT
    BETWEEN = "between"


def draw_actions(source: random.Random) -> tuple[str, ...]:
    """Draw the actions of a challenge, each of them anew: one of eight lists."""
    return tuple(source.choice(ACTIONS) for _ in range(LENGTH))


def poses(landmarks: Sequence[Floats]) -> list[Pose]:
    """Return where each frame's head looks, from its landmarks (5, 2), against the first frame.

    Where the first frame does not look straight ahead there is nothing to measure against: every pose is BETWEEN.
    """
    yaws = [head_pose(one).yaw for one in landmarks]
    if not yaws or not abs(yaws[0]) <= STRAIGHT_AT_FIRST:
        return [Pose.BETWEEN] * len(yaws)
    return [_pose(yaw - yaws[0]) for yaw in yaws]


def performed(seen: Sequence[Pose]) -> tuple[str, ...]:
    """Return the actions that frames show, in order.

    Neighbouring frames of one turn are one action; the same turn counts again after the head looked straight ahead.
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


def _pose(yaw: float) -> Pose:
    """Return the pose of a yaw in degrees; positive is to the image's right, which is the person's left."""
    if abs(yaw) <= STRAIGHT:
        return Pose.STRAIGHT
    if abs(yaw) < TURNED:
        return Pose.BETWEEN
    return Pose.LEFT if yaw > 0 else Pose.RIGHT
