"""The faces of a person, one by one: taken away or moved whole or not at all, the others keep their ids."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codes_dict import Code, Refusal
from db.replays import Replays
from pipeline.ports import EnrolmentRequest, PhotoMark
from pipeline.types import EnrolledFaces as Embeddings
from tests.db_house import BLUE, GREEN, RED, WHITE, House, Where, raise_at, take_face_dying_at
from tests.processes import ended, started

ANN, BEN = "ID-1", "ID-2"
BEFORE_COMMIT, AFTER_COMMIT = ("files written", "ready to commit"), ("committed", "old files removed")


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    made.enrol(ANN, "Ann", RED, GREEN)
    made.enrol(ANN, "Ann", BLUE)
    made.enrol(BEN, "Ben", WHITE)
    yield made
    made.database.dispose()


def ids(house: House, person_id: str = ANN) -> list[str]:
    return [face.id for face in house.face_records.of(person_id)]


def test_a_face_is_found_by_its_id_with_its_picture(house: House) -> None:
    faces = house.face_records.of(ANN)
    assert [house.face_records.find(face.id) for face in faces] == faces
    assert all((house.face_records.picture(face) or b"").startswith(b"\x89PNG") for face in faces)
    assert [face.person_id for face in house.face_records.of(BEN)] == [BEN]


@pytest.mark.parametrize("face_id", ["", "0" * 32 + "_01", "../x", "_01"])
def test_another_id_is_no_face(house: House, face_id: str) -> None:
    assert house.face_records.find(face_id) is None


def test_a_number_beyond_the_last_is_no_face(house: House) -> None:
    assert house.face_records.find(ids(house)[0].replace("_01", "_03")) is None


@pytest.mark.parametrize(("taken", "left"), [(0, [GREEN, BLUE]), (1, [RED, BLUE]), (2, [RED, GREEN])])
def test_a_face_is_taken_away_and_the_others_keep_their_ids_and_their_order(
    house: House, taken: int, left: list[tuple[int, int, int]]
) -> None:
    before, others = ids(house), ids(house, BEN)
    house.face_records.take(ANN, {before[taken]})
    assert house.colours(ANN) == left
    assert house.another().colours(ANN) == left
    assert ids(house) == [one for one in before if one != before[taken]]
    assert (house.face_records.find(before[taken]), ids(house, BEN)) == (None, others)


def test_faces_are_taken_away_one_after_the_other(house: House) -> None:
    first, second, third = ids(house)
    house.face_records.take(ANN, {first})
    house.face_records.take(ANN, {third})
    assert (ids(house), house.colours(ANN)) == ([second], [GREEN])
    assert all((house.face_records.picture(face) or b"").startswith(b"\x89PNG") for face in house.face_records.of(ANN))


def test_nothing_of_a_face_that_was_taken_away_stays_on_the_disk(house: House) -> None:
    before = len([name for name in house.files() if name.startswith("ann")])
    house.face_records.take(ANN, {ids(house)[0]})
    left = [name for name in house.files() if name.startswith("ann")]
    assert len(left) == before - 4  # its source crop, its picture and two augmentations
    assert house.recover() == 0


def test_what_the_first_enrolment_was_stays_the_first(house: House) -> None:
    house.face_records.take(ANN, {ids(house)[0]})
    found = house.shelf.snapshot().person(ANN)
    assert found
    assert found.first == 1


def test_the_only_face_stays(house: House) -> None:
    with pytest.raises(Refusal) as caught:
        house.face_records.take(BEN, set(ids(house, BEN)))
    assert (caught.value.code, house.colours(BEN)) == (Code.VALUE_REFUSED, [WHITE])


def test_a_face_of_somebody_else_stays(house: House) -> None:
    with pytest.raises(Refusal) as caught:
        house.face_records.take(ANN, {*ids(house, BEN), ids(house)[0]})
    assert (caught.value.code, house.colours(ANN)) == (Code.NO_ROW, [RED, GREEN, BLUE])


def test_a_face_is_moved(house: House) -> None:
    moved = ids(house)[1]
    house.face_records.take(ANN, {moved}, BEN)
    assert (house.colours(ANN), house.colours(BEN)) == ([RED, BLUE], [WHITE, GREEN])
    assert ids(house, BEN)[-1] == moved
    house.forgetting.forget(BEN)
    assert (house.face_records.find(moved), house.colours(ANN)) == (None, [RED, BLUE])


def test_a_guard_sees_the_face_and_the_other_person_and_can_refuse(house: House) -> None:
    seen: list[object] = []

    def guard(face: object, enrolled: Embeddings | None) -> None:
        seen.extend([face, enrolled])
        raise Refusal(Code.DIFFERENT_PEOPLE)

    with pytest.raises(Refusal) as caught:
        house.face_records.take(ANN, {ids(house)[1]}, BEN, guard)
    assert (caught.value.code, len(seen), house.colours(ANN)) == (Code.DIFFERENT_PEOPLE, 2, [RED, GREEN, BLUE])
    assert not [name for name in house.files() if ".pending" in name]


def test_nobody_gets_a_face_who_is_not_enrolled(house: House) -> None:
    with pytest.raises(Refusal) as caught:
        house.face_records.take(ANN, {ids(house)[0]}, "ID-9")
    assert caught.value.code is Code.NO_ROW


@pytest.mark.parametrize("step", BEFORE_COMMIT)
def test_a_failure_before_the_commit_leaves_everything(house: House, step: str) -> None:
    files, before = house.files(), ids(house)
    with pytest.raises(OSError, match="made to fail"):
        house.another(raise_at(step)).face_records.take(ANN, {before[0]}, BEN)
    assert (house.files(), ids(house), house.colours(ANN)) == (files, before, [RED, GREEN, BLUE])


@pytest.mark.parametrize("keys", [(None,), (b"k" * 32,)], ids=["plain", "sealed"])
def test_enrolled_photos_stay_known_for_as_long_as_a_face_of_theirs_is_enrolled(
    where: Where, tmp_path: Path, keys: tuple[bytes | None, ...]
) -> None:
    house = House(replace(where, keys=keys), tmp_path)
    kinds = (("a", 0), ("b", 99))
    marks = [PhotoMark(digit * 64, bytes(range(start, start + 128)), (bytes(37),)) for digit, start in kinds]
    for colours, mark in (((RED, GREEN), marks[0]), ((BLUE,), marks[1])):
        photos = house.upload(ANN, *colours)
        house.enroller.enrol(EnrolmentRequest(ANN, "Ann", False, photos, house.faces(*colours), [mark]))
    house.enrol(BEN, "Ben", WHITE)
    later = time.time() + 40 * 86_400

    def are_known() -> list[bool]:
        replays = Replays(house.database, 15, 40, 30, lambda: later, house.kept.seal)
        return [replays.claim(f"{BEN}-{number:032x}", [mark])[0] for number, mark in enumerate(marks)]

    first, _, third = ids(house)
    house.face_records.take(ANN, {first})
    house.face_records.take(ANN, {third}, BEN)
    assert are_known() == [True, True]
    house.forgetting.forget(BEN)
    assert are_known() == [True, False]
    house.database.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("to", ["", BEN], ids=["away", "moved"])
@pytest.mark.parametrize("step", [*BEFORE_COMMIT, *AFTER_COMMIT])
def test_kill_9_leaves_everything_or_the_whole_change(
    house: House, where: Where, tmp_path: Path, step: str, to: str
) -> None:
    before = ids(house)
    process = started(take_face_dying_at, step, where, tmp_path, ANN, before[0], to)
    assert ended(process) == [-signal.SIGKILL]
    house.recover()
    done = step in AFTER_COMMIT
    assert house.colours(ANN) == ([GREEN, BLUE] if done else [RED, GREEN, BLUE])
    assert house.colours(BEN) == ([WHITE, RED] if done and to else [WHITE])
    assert (house.recover(), ids(house)) == (0, before[1:] if done else before)
    assert not [name for name in house.files() if ".pending" in name]
