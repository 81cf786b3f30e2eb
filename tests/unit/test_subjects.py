"""Subjects in the database: a name is one person's, whoever adds and renames at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codes_dict import Code, Refusal
from db.announced import Announced
from db.same_people import SamePeople
from db.subjects import Subjects
from pipeline.stages.identity import SUBJECTS, is_subject, shown_name
from tests.db_house import GREEN, RED, Colour, House, Where

ADA, LONG = "Ada Lovelace", "x" * 200


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    yield made
    made.database.dispose()


def subjects_of(house: House) -> Subjects:
    return Subjects(house.database, house.people, house.enrolments, SUBJECTS, shown_name)


def with_faces(house: House, name: str, *colours: Colour) -> str:
    """Make a subject and enrol it, as the flow does."""
    person_id = subjects_of(house).announce(name)[0]
    house.enrol(person_id, name, *colours)
    return person_id


def test_a_subject_is_found_by_its_name_before_and_after_its_first_face(house: House) -> None:
    subjects = subjects_of(house)
    person_id, is_new = subjects.announce(ADA)
    assert (is_new, is_subject(person_id), subjects.find(ADA)) == (True, True, person_id)
    assert with_faces(house, ADA, RED) == person_id
    assert subjects.announce(ADA) == (person_id, False)
    assert subjects.all() == [(person_id, ADA)]


@pytest.mark.parametrize("other", ["ada lovelace", "Ada_Lovelace", "Ada Lovelace ", "Ada", ""])
def test_a_name_is_compared_exactly(house: House, other: str) -> None:
    subjects = subjects_of(house)
    subjects.announce(ADA)
    assert subjects.find(other) is None
    person_id = with_faces(house, ADA, RED)
    assert (subjects.find(other), subjects.find(ADA)) == (None, person_id)


def test_whoever_gets_a_first_face_is_no_longer_announced(house: House) -> None:
    announced = Announced(house.database)
    assert announced.add("ID-1", ADA)
    house.enrol("ID-1", "Augusta Ada", RED)
    assert (announced.all(), house.people.find("ID-1") is not None) == ([], True)


def test_people_with_ids_of_their_own_are_no_subjects(house: House) -> None:
    house.enrol("ID-1", ADA, RED)
    subjects = subjects_of(house)
    assert (subjects.find(ADA), subjects.all()) == (None, [])
    assert subjects.announce(ADA)[1]


def test_a_rename_says_whose_the_name_is_already(house: House) -> None:
    subjects = subjects_of(house)
    first, second = subjects.announce(ADA)[0], with_faces(house, "Grace", GREEN)
    assert subjects.rename(second, ADA) == first
    assert (subjects.rename(second, LONG), subjects.rename(first, "Augusta")) == (None, None)
    assert subjects.all() == [(first, "Augusta"), (second, LONG)]
    assert subjects.rename(first, "Augusta") is None


def test_nobody_cannot_be_renamed(house: House) -> None:
    with pytest.raises(Refusal) as refused:
        subjects_of(house).rename(f"cf-{0:016x}", ADA)
    assert refused.value.code is Code.NO_ROW


def test_of_many_at_the_same_time_one_makes_the_subject(house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: subjects_of(house).announce(ADA), range(16)))
    assert (len({one for one, _ in found}), sum(is_new for _, is_new in found)) == (1, 1)


def test_of_many_at_the_same_time_one_announces_and_all_link(house: House) -> None:
    pairs = [("A", "B"), ("B", "A")] * 8
    with ThreadPoolExecutor(8) as pool:
        announced = list(pool.map(lambda _: Announced(house.database).add("ID-1", ADA), pairs))
        list(pool.map(lambda pair: SamePeople(house.database).link(*pair), pairs))
    assert sum(announced) == 1
    assert [sorted(house.people.same_as(one)) for one in "AB"] == [["B"], ["A"]]


def test_the_last_face_goes_only_where_that_is_meant(house: House) -> None:
    house.enrol("ID-1", ADA, RED)
    house.enrol("ID-2", "Grace", GREEN)
    (only,) = [face.id for face in house.face_records.of("ID-1")]
    with pytest.raises(Refusal):
        house.face_records.take("ID-1", {only}, "ID-2")
    house.face_records.take("ID-1", {only}, "ID-2", also_last=True)
    assert (house.colours("ID-2"), house.face_records.of("ID-1")) == ([GREEN, RED], [])


def test_a_page_of_faces_may_be_of_some_ids(house: House) -> None:
    person_id = with_faces(house, ADA, RED, GREEN)
    house.enrol("ID-1", "Grace", GREEN)
    count, faces = house.face_records.page(0, 9, SUBJECTS)
    assert (count, {face.person_id for face in faces}) == (2, {person_id})
    assert house.face_records.page(0, 9, (person_id, f"{person_id}!"))[0] == 2
    assert house.face_records.page(0, 9)[0] == 3
