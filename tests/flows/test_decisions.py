"""Decisions that nobody talks round: the nearest ID, enough different photos, photos that contradict each other."""

from __future__ import annotations

import pytest

from codes_dict import Code
from tests.flows.world import ANN, BEN, BLUE, RED, Colour, World, code_of, ended, stages

SISTER: Colour = (200, 30, 10)
"""Within the threshold of RED (a distance of 0.005), and not the same."""

SO_SO: Colour = (200, 60, 10)
"""Neither within the threshold of RED nor clearly somebody else: a distance of 0.03."""


def sisters() -> World:
    """Return a world in which two people are enrolled who are within each other's thresholds."""
    world = World()
    world.known(ANN, RED)
    world.known(BEN, SISTER)
    return world


@pytest.mark.parametrize(
    ("flags", "code"),
    [({}, Code.FOUND_OTHER), ({"skip_db_search": True}, Code.NOT_VERIFIED), ({"skip_verify": True}, Code.FOUND_OTHER)],
)
def test_a_sister_is_not_accepted_as_her_sister(flags: dict[str, bool], code: Code) -> None:
    world = sisters()
    ended_with, results = ended(lambda: world.verify(world.stored(SISTER).upload_id, **flags))
    row = stages(results)["search" if "skip_verify" in flags else "nearest"]
    assert (ended_with, results["name"], row["code"]) == (code, None, code)
    assert row["items"][-1]["nearer"] == [BEN]


@pytest.mark.parametrize("person_id", [ANN, BEN])
@pytest.mark.parametrize(("skip_verify", "code"), [(False, Code.VERIFIED), (True, Code.FOUND)])
def test_both_sisters_are_accepted_as_themselves(person_id: str, skip_verify: bool, code: Code) -> None:
    world = sisters()
    upload = world.stored(RED if person_id == ANN else SISTER, person_id=person_id)
    ended_with, results = ended(lambda: world.verify(upload.upload_id, skip_verify=skip_verify))
    row = stages(results)["search" if skip_verify else "nearest"]
    assert (ended_with, row["in"], row["out"]) == (code, 2, 1)


@pytest.mark.parametrize(("skip_verify", "code"), [(False, Code.VERIFIED), (True, Code.FOUND)])
def test_two_ids_of_one_person_do_not_stand_in_each_others_way(skip_verify: bool, code: Code) -> None:
    world = sisters()
    world.people.same = {ANN: frozenset({BEN})}
    assert code_of(lambda: world.verify(world.stored(SISTER).upload_id, skip_verify=skip_verify)) is code
    twice = World()
    twice.known(ANN, RED)
    twice.known(BEN, (200, 11, 10))
    assert code_of(lambda: twice.verify(twice.stored((200, 11, 10)).upload_id, skip_verify=skip_verify)) is code


@pytest.mark.parametrize("flags", [{}, {"skip_verify": True}, {"skip_db_search": True}])
@pytest.mark.parametrize("photos", [(RED, BLUE, BLUE), (RED, RED, BLUE), (BLUE, RED)])
def test_photos_of_two_people_are_852_whoever_is_in_the_majority(
    photos: tuple[Colour, ...], flags: dict[str, bool]
) -> None:
    world = World(ver_tol=2)
    world.known(ANN, RED)
    ended_with, results = ended(lambda: world.verify(world.stored(*photos).upload_id, **flags))
    assert (ended_with, results["accepted"]) == (Code.DIFFERENT_PEOPLE, False)


def test_a_photo_that_is_nearer_to_another_id_contradicts_the_others() -> None:
    world = sisters()
    upload = world.stored(RED, RED, RED, RED, SISTER)
    assert code_of(lambda: world.verify(upload.upload_id)) is Code.DIFFERENT_PEOPLE


@pytest.mark.parametrize("skip_verify", [False, True])
@pytest.mark.parametrize(
    ("ver_tol", "code"), [(1, (Code.VERIFIED, Code.FOUND)), (2, (Code.NOT_VERIFIED, Code.NOT_VERIFIED))]
)
def test_a_search_needs_as_many_photos_as_1_to_1(ver_tol: int, code: tuple[Code, Code], skip_verify: bool) -> None:
    world = World(ver_tol=ver_tol, num_aug=0)
    world.known(ANN, RED)
    upload = world.stored(RED, SO_SO)
    assert code_of(lambda: world.verify(upload.upload_id, skip_verify=skip_verify)) is code[skip_verify]


def test_photos_of_nobody_are_not_contradictory() -> None:
    world = World(ver_tol=2)
    world.known(ANN, RED)
    assert code_of(lambda: world.verify(world.stored(BLUE, (10, 200, 10)).upload_id)) is Code.NOT_VERIFIED
