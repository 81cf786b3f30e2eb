"""Every verdict passes the audit, and without an entry there is no verdict."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from codes_dict import Code, Outcome
from pipeline.flows import note
from tests.flows.world import ANN, BEN, BLACK, BLUE, DARK_RED, RED, World, code_of, stored_photo

Act = Callable[[World], Outcome]


def enrolling(world: World) -> Outcome:
    return world.enrol(world.stored(RED).upload_id)


def verifying(*colours: tuple[int, int, int], person_id: str = ANN) -> Act:
    return lambda world: world.verify(world.stored(*colours, person_id=person_id).upload_id)


def faceless(world: World) -> str:
    return world.uploads.add(ANN, [stored_photo(BLACK, faces=0)]).upload_id


ENDINGS: list[tuple[str, Act, Code]] = [
    ("enrol", enrolling, Code.ENROLLED_ADDED),
    ("enrol", lambda world: world.enrol(world.stored(BLUE).upload_id), Code.DIFFERENT_PEOPLE),
    ("enrol", lambda world: world.enrol(faceless(world)), Code.NO_SINGLE_FACE),
    ("verify", verifying(DARK_RED), Code.VERIFIED),
    ("verify", verifying(BLUE), Code.FOUND_OTHER),
    ("verify", lambda world: world.verify(faceless(world)), Code.NO_FACE),
]
NAMES = [str(int(code)) for _, _, code in ENDINGS]


@pytest.fixture
def world() -> World:
    made = World()
    made.known(ANN, RED)
    made.known(BEN, BLUE)
    return made


@pytest.mark.parametrize(("action", "act", "code"), ENDINGS, ids=NAMES)
def test_each_verdict_is_one_entry(world: World, action: str, act: Act, code: Code) -> None:
    assert code_of(lambda: act(world)) is code
    [event] = world.audit.events
    assert (event.action, event.person_id, event.code) == (action, ANN, int(code))
    assert event.about["basis"] == "0123456789abcdef"
    assert json.loads(json.dumps(event.about)) == event.about


@pytest.mark.parametrize("act", [act for _, act, _ in ENDINGS], ids=NAMES)
@pytest.mark.parametrize("fault", [Code.NO_SPACE, Code.DB_DOWN])
def test_without_an_entry_there_is_no_verdict(world: World, act: Act, fault: Code) -> None:
    world.audit.fault = fault
    assert code_of(lambda: act(world)) is fault


def test_an_entry_explains_the_verdict_without_file_names_and_other_people(world: World) -> None:
    code_of(lambda: verifying(BLUE)(world))
    about = world.audit.events[0].about
    rows = {row["name"]: row for row in about["stages"]}
    assert rows["compare"]["numbers"][0]["score"] > rows["compare"]["numbers"][0]["threshold"]
    assert rows["search"]["code"] == 100
    assert not any(word in json.dumps(about) for word in ("selfie", BEN, ANN, "ann"))


def test_an_accepted_entry_has_score_and_rate(world: World) -> None:
    verifying(DARK_RED)(world)
    about = world.audit.events[0].about
    assert (about["fmr_at_score"], about["calibrated"], about["distance"] < 0.01) == (0.01, True, True)


def test_what_is_wrong_with_a_request_or_with_the_server_is_no_verdict(world: World) -> None:
    world.people.fault = Code.DB_DOWN
    assert code_of(lambda: verifying(RED)(world)) is Code.DB_DOWN
    assert code_of(lambda: world.verify(f"{ANN}-{'f' * 32}")) is Code.UPLOAD_GONE
    assert world.audit.events == []


def test_an_upload_that_is_accepted_twice_has_an_entry_for_each_answer(world: World) -> None:
    upload_id = world.stored(DARK_RED).upload_id
    assert [code_of(lambda: world.verify(upload_id)) for _ in range(2)] == [Code.VERIFIED, Code.USED_BEFORE]
    assert [event.code for event in world.audit.events] == [200, 562]


def test_an_operators_action_is_noted(world: World) -> None:
    note("limits lifted", world.services, ANN, count=3)
    [event] = world.audit.events
    assert (event.action, event.person_id, event.about) == ("limits lifted", ANN, {"count": 3})
