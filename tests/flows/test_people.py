"""People as a resource: pages, names, faces."""

from __future__ import annotations

import pytest

from codes_dict import Code, Refusal
from pipeline.flows.people import face_picture, list_people, move_face, rename_person, show_person, take_face
from pipeline.ports import Terms
from pipeline.types import Person
from tests.flows.world import ANN, BEN, BLUE, DARK_RED, RED, World, ended


def several(count: int = 5) -> World:
    world = World()
    for number in range(count):
        world.people.rows[f"ID-{number}"] = Person(number, f"ID-{number}", f"name_{number}", f"name_{number}")
    return world


def test_pages_follow_each_other_to_the_end() -> None:
    world, after, seen = several(), "", list[str]()
    while True:
        results = list_people("", after, 2, world.services).results
        seen += [one["id"] for one in results["people"]]
        if results["next"] is None:
            break
        after = results["next"]
    assert seen == [f"ID-{number}" for number in range(5)]


def test_a_page_beyond_the_last_is_empty() -> None:
    assert list_people("", "ID-4", 2, several().services).results == {"people": [], "next": None}


def test_people_are_found_by_id_and_name() -> None:
    found = list_people("NAME_3", "", 9, several().services).results["people"]
    assert found == [{"id": "ID-3", "name": "Name 3"}]


def test_a_person_is_shown_with_the_faces() -> None:
    world = World()
    world.known(ANN, RED, DARK_RED)
    shown = show_person(ANN, world.services).results
    assert (shown["name"], shown["since"], len(shown["faces"])) == ("Ann van Dyck", 7, 2)
    assert (shown["consent"], shown["retain_until"]) == (None, None)
    world.people.kept_terms[ANN] = Terms("form 7", 1900000000)
    assert show_person(ANN, world.services).results["consent"] == "form 7"
    assert face_picture(ANN, shown["faces"][0]["face_id"], world.services) == b"picture"


def test_a_person_gets_another_name() -> None:
    world = World()
    world.known(ANN, RED)
    assert rename_person(ANN, " Ann de Wit ", world.services).results == {"id": ANN, "name": "Ann de Wit"}


@pytest.mark.parametrize(("person_id", "name", "code"), [(BEN, "Ben", 116), (ANN, " ", 128), (ANN, "x" * 201, 128)])
def test_names_that_cannot_be_given(person_id: str, name: str, code: int) -> None:
    world = World()
    world.known(ANN, RED)
    assert ended(lambda: rename_person(person_id, name, world.services))[0] == code


def test_a_face_is_taken_away_and_not_the_last_one() -> None:
    world = World()
    world.known(ANN, RED, DARK_RED)
    assert len(take_face(ANN, f"{ANN}_00", world.services).results["faces"]) == 1
    assert ended(lambda: take_face(ANN, f"{ANN}_00", world.services))[0] == 422


@pytest.mark.parametrize(("moved", "code"), [(0, 852), (1, 101)])
def test_a_face_is_moved_only_to_whom_it_shows(moved: int, code: int) -> None:
    world = World()
    world.known(ANN, RED, BLUE)
    world.known(BEN, BLUE)
    ended_with, results = ended(lambda: move_face(ANN, f"{ANN}_{moved:02}", BEN, world.services))
    assert (ended_with, results.get("id")) == (code, BEN if code == 101 else None)


def test_a_face_stays_where_it_is() -> None:
    world = World()
    world.known(ANN, RED)
    assert ended(lambda: move_face(ANN, f"{ANN}_00", ANN, world.services))[0] == 101
    with pytest.raises(Refusal) as caught:
        face_picture(BEN, f"{ANN}_00", world.services)
    assert caught.value.code is Code.NO_ROW
