"""The person / face API with fakes: people without faces, faces one by one, pages, and bad input."""

from __future__ import annotations

import pytest

from codes_dict import Outcome
from pipeline.flows import SentFile, facenet
from pipeline.types import Liveness
from tests.flows.world import ANN, BEN, BLACK, BLUE, DARK_RED, RED, Colour, World, ended, photo_file


def image(*colours: Colour) -> list[SentFile]:
    return [SentFile("me.png", photo_file(one)) for one in colours]


def made(world: World, *colours: Colour) -> str:
    """Make a person with faces through the API and return the last face's id."""
    facenet.create_person(ANN, "Ann", world.services)
    face_id = ""
    for colour in colours:
        face_id = str(facenet.create_face(ANN, image(colour), world.services).results["id"])
    return face_id


def test_a_person_has_no_row_before_the_first_face() -> None:
    world = World()
    made(world)
    assert (world.people.rows, world.announced.names) == ({}, {ANN: "Ann"})
    facenet.create_face(ANN, image(RED), world.services)
    assert (list(world.people.rows), world.announced.names) == ([ANN], {})


def test_who_was_made_here_is_verified_and_who_was_enrolled_is_listed() -> None:
    world = World()
    made(world, RED)
    assert ended(lambda: world.verify(world.stored(DARK_RED).upload_id))[0] == 200
    world.known(BEN, BLUE)
    people = facenet.page_of_people(1, 9, world.services).results["people"]
    assert [(one["id"], one["faces"]) for one in people] == [(ANN, 1), (BEN, 1)]


def test_pages_go_through_people_with_and_without_faces() -> None:
    world = World()
    for number in range(5):
        if number % 2:
            world.known(f"ID-{number}", RED)
        else:
            facenet.create_person(f"ID-{number}", "Waiting", world.services)
    pages = [facenet.page_of_people(page, 2, world.services).results for page in (1, 2, 3)]
    assert [[one["id"] for one in page["people"]] for page in pages] == [["ID-1", "ID-3"], ["ID-0", "ID-2"], ["ID-4"]]
    assert {(page["count"], page["pages"]) for page in pages} == {(5, 3)}
    assert ended(lambda: facenet.page_of_people(4, 2, world.services))[0] == 404


@pytest.mark.parametrize(
    ("person_id", "name", "code"), [("nobody", "Ann", 127), (ANN, "", 128), (ANN, "Ann", 409), (BEN, "Ben", 101)]
)
def test_people_that_can_be_made(person_id: str, name: str, code: int) -> None:
    world = World()
    world.known(ANN, RED)
    assert ended(lambda: facenet.create_person(person_id, name, world.services))[0] == code


def test_a_person_is_made_once() -> None:
    world = World()
    made(world)
    code, results = ended(lambda: facenet.create_person(ANN, "Ann", world.services))
    assert (code, results["retry"]) == (409, False)


def test_a_person_without_a_face_gets_another_name() -> None:
    world = World()
    made(world)
    assert facenet.update_person(ANN, "Anna", world.services).results["name"] == "Anna"
    assert ended(lambda: facenet.update_person(BEN, "Ben", world.services))[0] == 116


def test_who_is_enrolled_is_renamed_even_if_still_announced() -> None:
    world = World()
    made(world)
    world.known(ANN, RED)
    facenet.update_person(ANN, "Anna", world.services)
    assert world.people.rows[ANN].given_name == "Anna"


@pytest.mark.parametrize(
    ("colours", "state", "code", "reason"),
    [
        ([], "live", 117, None), ([RED, RED], "live", 422, None), ([BLACK], "live", 422, 152),
        ([BLUE], "live", 422, 852), ([DARK_RED], "spoof", 422, 560), ([DARK_RED], "live", 101, None),
    ],
)  # fmt: skip
def test_photos_that_can_be_a_face(colours: list[Colour], state: str, code: int, reason: int | None) -> None:
    world = World()
    world.known(ANN, RED)
    world.state_of = lambda _: Liveness(state)
    ended_with, results = ended(lambda: facenet.create_face(ANN, image(*colours), world.services))
    assert (ended_with, results.get("reason")) == (code, reason)


def test_nobody_gets_a_face_who_was_not_made() -> None:
    assert ended(lambda: facenet.create_face(ANN, image(RED), World().services))[0] == 116


def test_the_last_face_takes_the_person_along() -> None:
    world = World()
    world.known(ANN, RED, DARK_RED)
    assert facenet.delete_face(f"{ANN}_00", world.services).results == {"receipt": None}
    receipt = facenet.delete_face(f"{ANN}_00", world.services).results["receipt"]
    assert (receipt["rows"], world.people.rows) == (1, {})
    assert ended(lambda: facenet.delete_face(f"{ANN}_00", world.services))[0] == 116


def test_a_photo_is_compared_with_every_face_and_the_nearest_comes_first() -> None:
    world = World()
    world.known(ANN, RED, DARK_RED)
    world.known(BEN, BLUE)
    results = facenet.compare_with_all(image(DARK_RED), "", 9, world.services).results
    assert [(one["person_id"], one["accepted"]) for one in results["faces"]] == [
        (ANN, True), (ANN, True), (BEN, False),
    ]  # fmt: skip
    assert results["compared"] == 3
    assert facenet.compare_with_all(image(RED), BEN, 9, world.services).results["compared"] == 1


@pytest.mark.parametrize(("colours", "person_id", "code"), [([BLACK], "", 630), ([], "", 117), ([RED], BEN, 116)])
def test_photos_that_cannot_be_compared(colours: list[Colour], person_id: str, code: int) -> None:
    def call() -> Outcome:
        return facenet.compare_with_all(image(*colours), person_id, 9, World().services)

    assert ended(call)[0] == code


def test_a_faces_embeddings() -> None:
    world = World()
    world.known(ANN, RED)
    results = facenet.face_embeddings(f"{ANN}_00", world.services).results
    assert results["embeddings"]["Colour"]["vector"] == [201.0, 11.0, 11.0]
