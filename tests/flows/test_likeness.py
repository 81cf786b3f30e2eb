"""Subjects with fakes: who is named, what liveness does in each of its three ways, and what the audit keeps."""

from __future__ import annotations

from typing import Any

import pytest

from codes_dict import Code, Refusal
from pipeline.flows import (
    SentFile,
    compare_images,
    compare_with_image,
    detect_faces,
    recognise_faces,
)
from pipeline.flows.seen_faces import FaceOptions
from pipeline.flows.subjects import add_image, add_subject, delete_image, rename_subject
from pipeline.types import Liveness
from tests.flows.world import ANN, BLUE, DARK_RED, GREEN, RED, Colour, World, ended, photo_file

ADA = "Ada Lovelace"
LIVE, SPOOF, UNCERTAIN = Liveness.LIVE, Liveness.SPOOF, Liveness.UNCERTAIN


def image(colour: Colour) -> SentFile:
    return SentFile("me.png", photo_file(colour))


def world_with(colour: Colour = RED, **policy: Any) -> World:
    """Return a world in which a subject has one image."""
    world = World(**policy)
    add_image(ADA, image(colour), 0.0, world.services)
    return world


def image_of(world: World, name: str = ADA) -> str:
    (face,) = world.services.faces.of(str(world.services.subjects.find(name)))
    return face.id


def recognised(world: World, colour: Colour, count: int = 1) -> dict[str, Any]:
    (face,) = recognise_faces(image(colour), FaceOptions(), count, world.services).results["faces"]
    found: dict[str, Any] = face
    return found


def test_the_nearest_subject_is_named_and_people_with_ids_of_their_own_are_passed_over() -> None:
    world = world_with(DARK_RED)
    world.known(ANN, RED)
    add_image("Blue", image(BLUE), 0.0, world.services)
    assert [one["subject"] for one in recognised(world, RED, 9)["subjects"]] == [ADA]
    assert recognised(world, GREEN)["subjects"] == []
    world.policy.compreface_recognize = "nearest"
    assert [one["subject"] for one in recognised(world, RED, 9)["subjects"]] == [ADA, "Blue"]


def test_an_empty_server_names_nobody() -> None:
    assert recognised(World(), RED)["subjects"] == []


@pytest.mark.parametrize("state", [LIVE, SPOOF, UNCERTAIN])
def test_warn_shows_liveness_and_refuses_nothing(state: Liveness) -> None:
    world = world_with()
    world.state_of = lambda _: state
    face = recognised(world, RED)
    assert (face["liveness"]["state"], [one["subject"] for one in face["subjects"]]) == (state.value, [ADA])
    added = add_image("Blue", image(BLUE), 0.0, world.services).results
    assert ("warnings" in added) is (state is not LIVE)


@pytest.mark.parametrize(("state", "code"), [(SPOOF, Code.ALL_SPOOF), (UNCERTAIN, Code.NONE_LIVE)])
def test_refuse_names_and_adds_nobody_who_is_not_live(state: Liveness, code: Code) -> None:
    world = world_with(liveness_for_compreface="refuse")
    image_id = image_of(world)
    world.state_of = lambda _: state
    assert recognised(world, RED)["subjects"] == []
    verdict = compare_with_image(image_id, image(RED), FaceOptions(), world.services)
    assert (verdict.code, verdict.results["faces"][0]["similarity"]) == (Code.NOT_SAME_PERSON, 0.0)
    for call in (
        lambda: add_image("Blue", image(BLUE), 0.0, world.services),
        lambda: compare_images(image(RED), image(RED), FaceOptions(), world.services),
    ):
        assert ended(call)[0] is code
    assert world.services.subjects.find("Blue") is None


def test_of_two_photos_the_source_alone_has_to_be_live() -> None:
    world = world_with(liveness_for_compreface="refuse")
    world.state_of = lambda face: SPOOF if face.crop.pixels[0, 0, 2] > 100 else LIVE
    assert ended(lambda: compare_images(image(BLUE), image(RED), FaceOptions(), world.services))[0] is Code.ALL_SPOOF
    compared = compare_images(image(RED), image(BLUE), FaceOptions(), world.services)
    assert compared.code is Code.NOT_SAME_PERSON
    assert ("liveness" in compared.results["source"], "liveness" in compared.results["faces"][0]) == (True, False)


def test_off_judges_nothing() -> None:
    world = world_with(liveness_for_compreface="off")
    world.liveness_fault = Code.NO_LIVENESS
    face = recognised(world, RED)
    assert ("liveness" in face, len(face["subjects"])) == (False, 1)


def test_without_engines_warn_says_so_and_refuse_refuses() -> None:
    world = world_with()
    world.liveness_fault = Code.NO_LIVENESS
    face = recognised(world, RED)
    assert (face["liveness"]["state"], face["liveness"]["reason"]) == ("uncertain", "liveness could not be judged")
    assert add_image("Blue", image(BLUE), 0.0, world.services).results["warnings"]
    world.policy.liveness_for_compreface = "refuse"
    assert ended(lambda: recognise_faces(image(RED), FaceOptions(), 1, world.services))[0] is Code.NO_LIVENESS


def test_detection_judges_liveness_where_it_is_asked_for() -> None:
    world = World()
    plugins = frozenset({"liveness"})
    (bare,) = detect_faces(image(RED), FaceOptions(), world.services).results["faces"]
    (judged,) = detect_faces(image(RED), FaceOptions(plugins=plugins), world.services).results["faces"]
    assert ("liveness" in bare, judged["liveness"]["state"]) == (False, "live")


def test_a_face_that_the_detector_is_not_sure_enough_of_is_not_there() -> None:
    world = World()
    sure = FaceOptions(least_confidence=0.995)
    assert ended(lambda: detect_faces(image(RED), sure, world.services))[0] is Code.NO_FACE
    assert ended(lambda: add_image(ADA, image(RED), 0.995, world.services))[0] is Code.NO_FACE
    assert len(detect_faces(image(RED), FaceOptions(least_confidence=0.98), world.services).results["faces"]) == 1


def test_searches_comparisons_and_renamings_are_recorded() -> None:
    world = world_with()
    recognised(world, RED)
    compare_with_image(image_of(world), image(BLUE), FaceOptions(), world.services)
    rename_subject(ADA, "Augusta", world.services)
    kept = [(event.action, event.code) for event in world.audit.events]
    assert kept == [("enrol", 800), ("search", 101), ("compare", 510), ("renamed", None)]


def test_nothing_is_answered_that_cannot_be_recorded() -> None:
    world = world_with()
    world.audit.fault = Code.NO_SPACE
    assert ended(lambda: recognise_faces(image(RED), FaceOptions(), 1, world.services))[0] is Code.NO_SPACE


def test_a_subject_is_made_once_and_stays_without_its_last_face() -> None:
    world = world_with()
    assert ended(lambda: add_subject(ADA, world.services))[0] is Code.CONFLICT
    delete_image(image_of(world), world.services)
    assert [name for _, name in world.services.subjects.all()] == [ADA]
    assert (world.people.rows, world.gallery.everybody) == ({}, {})
    with pytest.raises(Refusal):
        delete_image("cf-0000000000000000_00", world.services)
