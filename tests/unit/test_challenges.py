"""Challenges: given to one ID, answered once and in time, and only by the turns that were asked for."""

from __future__ import annotations

import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from codes_dict import Code, Refusal
from db.challenges import Challenges
from pipeline.stages.challenge import ACTIONS, Pose, draw_actions, performed, poses
from pipeline.types import Floats
from tests.db_house import House, Where
from tests.unit.test_motion import HEAD, seen

S, L, R, B = Pose.STRAIGHT, Pose.LEFT, Pose.RIGHT, Pose.BETWEEN
LEFT, RIGHT = ACTIONS[:2]


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(where: Where, tmp_path: Path) -> House:
    return House(where, tmp_path)


@pytest.fixture
def store(house: House, clock: Clock) -> Challenges:
    return Challenges(house.database, 180, clock)


def code_of(store: Challenges, person_id: str, nonce: str) -> Code | None:
    try:
        store.redeem(person_id, nonce)
    except Refusal as refusal:
        return refusal.code if refusal.field == "challenge" else None
    return None


def test_a_challenge_comes_back_once_with_its_actions(store: Challenges) -> None:
    nonce = store.issue("A", [LEFT, RIGHT, LEFT])
    assert store.redeem("A", nonce) == (LEFT, RIGHT, LEFT)
    assert code_of(store, "A", nonce) is Code.CHALLENGE_REUSED


def test_a_challenge_of_another_id_or_of_nobody_is_foreign_and_stays_open(store: Challenges) -> None:
    nonce = store.issue("A", [LEFT])
    for person_id, sent in (
        ("B", nonce),
        ("a", nonce),
        ("A ", nonce),
        ("A", "0" * 32),
        ("A", nonce + " "),
        ("A", "x" * 9999),
    ):
        assert code_of(store, person_id, sent) is Code.CHALLENGE_FOREIGN
    assert code_of(store, "A", nonce) is None
    assert code_of(store, "B", nonce) is Code.CHALLENGE_FOREIGN


def test_a_challenge_expires_after_three_minutes(store: Challenges, clock: Clock) -> None:
    first, second = store.issue("A", [LEFT]), store.issue("A", [LEFT])
    clock.now += 180
    assert code_of(store, "A", first) is None
    clock.now += 1
    assert code_of(store, "A", second) is Code.CHALLENGE_EXPIRED
    assert code_of(store, "A", first) is Code.CHALLENGE_REUSED
    clock.now += 2 * 86_400
    store.issue("B", [LEFT])
    assert code_of(store, "A", second) is Code.CHALLENGE_FOREIGN


def test_of_two_answers_at_once_one_counts(house: House) -> None:
    nonce = Challenges(house.database, 180).issue("A", [LEFT])
    stores = [Challenges(house.another().database, 180) for _ in range(4)]
    answers: list[Code | None] = []
    start = threading.Barrier(4)

    def answer(store: Challenges) -> None:
        start.wait()
        answers.append(code_of(store, "A", nonce))

    threads = [threading.Thread(target=answer, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(answers) == {None: 1, Code.CHALLENGE_REUSED: 3}


def test_all_eight_lists_are_drawn_about_as_often() -> None:
    source = random.Random(4)
    drawn = Counter(draw_actions(source, [LEFT, RIGHT]) for _ in range(4000))
    assert len(drawn) == 8
    assert min(drawn.values()) > 400


@pytest.mark.parametrize(
    ("frames", "actions"),
    [
        ([S, L, S, R, S, L], (LEFT, RIGHT, LEFT)),
        ([S, B, L, L, B, S, B, R, R], (LEFT, RIGHT)),
        ([S, L, R, L], (LEFT, RIGHT, LEFT)),
        ([S, L, S, L, S, S, L], (LEFT, LEFT, LEFT)),
        ([S, L, L, L], (LEFT,)),
        ([S, L, B, L], (LEFT,)),
        ([S, S, B], ()),
        ([], ()),
    ],
)
def test_actions_are_read_off_the_poses(frames: list[Pose], actions: tuple[str, ...]) -> None:
    assert performed(frames) == actions


def turned(*yaws: float) -> list[Floats]:
    return [seen(HEAD, yaw) for yaw in yaws]


def test_the_person_s_left_is_the_right_of_a_frame_that_is_not_mirrored() -> None:
    right_of_the_image = seen(HEAD, 35)
    assert right_of_the_image[2, 0] > right_of_the_image[:2, 0].mean() + 10
    assert poses(turned(0, 35, -35, 5, 16)) == [S, L, R, S, B]


def test_poses_are_measured_against_the_first_frame_which_has_to_look_straight_ahead() -> None:
    assert poses(turned(10, 40, -20, 12)) == [S, L, R, S]
    assert poses(turned(45, 0, -45)) == [B, B, B]
    assert poses([]) == []


def test_a_picture_that_is_turned_does_not_turn_its_head() -> None:
    flat = HEAD * [1, 1, 0]
    frames = [seen(flat, yaw, pitch) for yaw in (0, 25, -25, 45, -45) for pitch in (0, 20, -20)]
    assert set(poses(frames)) <= {S, B}
