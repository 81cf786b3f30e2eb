"""Challenges from their being given to the verdict on their answer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from codes_dict import Code
from pipeline.ports import StoredPhoto
from tests.flows.world import ANN, BLUE, DARK_RED, RED, Colour, World, code_of, ended, stages, stored_photo
from tests.unit.test_motion import HEAD, seen

AHEAD, LEFT, RIGHT = 0.0, 40.0, -40.0
ASKED = ("turn_left", "turn_right")


def frames(yaws: Sequence[float], colours: Sequence[Colour] = (), scores: Sequence[float] = ()) -> list[StoredPhoto]:
    """Return a frame per head turn in degrees; red and good where nothing else is said."""
    return [
        stored_photo(
            (colours or [RED] * len(yaws))[number],
            number,
            score=(scores or [9.0] * len(yaws))[number],
            landmarks=seen(HEAD, yaw),
        )
        for number, yaw in enumerate(yaws)
    ]


def answered(photos: Sequence[StoredPhoto], **policy: object) -> tuple[World, str]:
    world = World(score_tol=7.0, **policy)
    world.known(ANN, RED)
    return world, world.stored(*photos, challenge=ASKED).upload_id


GOOD = (AHEAD, LEFT, AHEAD, RIGHT, AHEAD)


def test_a_challenge_is_given_with_what_to_do() -> None:
    world = World()
    code, results = ended(world.challenge)
    assert (code, len(results["actions"]), results["expires_in_s"], results["id"]) == (101, 3, 180, ANN)
    assert world.challenges.given[results["challenge"]] == (ANN, tuple(results["actions"]))


def test_whoever_does_what_is_asked_is_verified_by_the_frames_that_look_ahead() -> None:
    world, upload_id = answered(frames(GOOD))
    code, results = ended(lambda: world.verify(upload_id))
    assert code == 200
    rows = stages(results)
    assert [item["pose"] for item in rows["challenge"]["items"][:5]] == [
        "straight", "turn_left", "straight", "turn_right", "straight",
    ]  # fmt: skip
    assert {item["image"] for item in rows["compare"]["items"]} == {f"selfie {number}.png" for number in (0, 2, 4)}


@pytest.mark.parametrize(
    "yaws", [(AHEAD, RIGHT, AHEAD, LEFT, AHEAD), (AHEAD, LEFT, AHEAD), (AHEAD,), (LEFT, AHEAD, RIGHT), (*GOOD, LEFT)]
)
def test_574_other_actions_another_order_or_no_first_frame_ahead(yaws: Sequence[float]) -> None:
    world, upload_id = answered(frames(yaws))
    code, results = ended(lambda: world.verify(upload_id))
    assert (code, stages(results)["challenge"]["code"], results["accepted"]) == (574, 574, False)


def test_574_somebody_else_did_the_actions() -> None:
    world, upload_id = answered(frames(GOOD, [RED, BLUE, RED, BLUE, RED]))
    assert code_of(lambda: world.verify(upload_id)) is Code.CHALLENGE_FAILED


def test_frames_below_score_tol_answer_but_are_neither_compared_nor_counted() -> None:
    world, upload_id = answered(frames(GOOD, scores=[9, 1, 1, 1, 9]), ver_tol=3, num_aug=0)
    code, results = ended(lambda: world.verify(upload_id))
    assert code == 200
    assert {item["image"] for item in stages(results)["compare"]["items"]} == {"selfie 0.png", "selfie 4.png"}
    world, upload_id = answered(frames(GOOD, scores=[1, 9, 1, 9, 1]))
    assert code_of(lambda: world.verify(upload_id)) is Code.CHALLENGE_FAILED


def test_as_many_images_are_required_as_look_ahead() -> None:
    world, upload_id = answered(frames(GOOD, [RED, RED, BLUE, RED, DARK_RED]), ver_tol=3, num_aug=0)
    assert code_of(lambda: world.verify(upload_id, skip_db_search=True)) is Code.NOT_VERIFIED


def test_a_challenge_that_cannot_be_answered_names_the_field() -> None:
    code, results = ended(lambda: World().upload(b"", nonce=""))
    assert (code, results["field"], results["retry"]) == (570, "challenge", False)


def test_570_where_a_challenge_is_required_and_none_was_answered() -> None:
    world = World(require_challenge=True)
    world.known(ANN, RED)
    code, results = ended(lambda: world.verify(world.stored(RED).upload_id))
    assert (code, stages(results)["challenge"]["code"]) == (570, 570)
