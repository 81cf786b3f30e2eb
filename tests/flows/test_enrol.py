"""Whom /upload_db enrols, what it leaves out, and how a repeated call learns how the first one ended."""

from __future__ import annotations

from typing import Any

import pytest

from codes_dict import Code
from pipeline.types import Liveness
from tests.flows.world import ANN, BEN, BLUE, DARK_RED, RED, World, code_of, ended, stages, stored_photo


def test_a_photo_with_two_faces_or_none_is_left_out_under_its_own_name() -> None:
    world = World()
    upload = world.stored(RED, stored_photo(RED, 1, faces=2), stored_photo(RED, 2, faces=0))
    code, results = ended(lambda: world.enrol(upload.upload_id))
    assert (code, results["left_out"]) == (800, {"selfie 1.png": 152, "selfie 2.png": 630})
    assert (stages(results)["subject"]["in"], stages(results)["subject"]["out"]) == (3, 1)
    assert len(world.enrolments.requests[0].faces) == 1


def test_faces_that_are_not_live_are_left_out_with_why() -> None:
    world = World()
    states = {"selfie 0.png": Liveness.SPOOF, "selfie 1.png": Liveness.UNCERTAIN}
    world.state_of = lambda face: states.get(face.photo.name, Liveness.LIVE)
    code, results = ended(lambda: world.enrol(world.stored(RED, RED, RED).upload_id))
    assert (code, results["left_out"]) == (800, {"selfie 0.png": 560, "selfie 1.png": 561})


def test_a_frame_that_only_answers_a_challenge_is_not_enrolled() -> None:
    world = World(score_tol=7.0)
    upload = world.stored(RED, stored_photo(RED, 1, score=6.9), challenge=["turn_left"])
    code, results = ended(lambda: world.enrol(upload.upload_id))
    assert (code, results["left_out"], len(world.enrolments.requests[0].faces)) == (800, {"selfie 1.png": 120}, 1)


@pytest.mark.parametrize(("policy", "count"), [("refuse", 2), ("warn", 2), ("off", 0)])
def test_enrolled_photos_are_remembered_as_used(policy: str, count: int) -> None:
    world = World(replay_policy=policy)
    assert code_of(lambda: world.enrol(world.stored(RED, DARK_RED).upload_id)) == 800
    assert len(world.enrolments.requests[0].marks) == count


def test_the_odd_face_s_file_is_named() -> None:
    code, results = ended(lambda: (world := World()).enrol(world.stored(RED, BLUE, RED, DARK_RED).upload_id))
    assert (code, results["file"], results["retry"]) == (852, "selfie 1.png", False)


def test_a_first_enrolment_needs_enrol_min_photos_different_ones_and_an_addition_does_not() -> None:
    world = World(enrol_min_photos=2)
    copies = world.stored(stored_photo(RED, 1), stored_photo(RED, 1))
    code, results = ended(lambda: world.enrol(copies.upload_id))
    assert (code, results["advice"][:30]) == (152, "Send at least 2 different phot")
    assert code_of(lambda: world.enrol(world.stored(RED, DARK_RED).upload_id)) == 800
    assert code_of(lambda: world.enrol(world.stored(RED).upload_id)) == 850
    assert code_of(lambda: world.enrol(world.stored(RED).upload_id, in_place=True)) == 152


def test_small_steps_do_not_lead_away_from_the_first_enrolment() -> None:
    world, taken = World(), []
    assert code_of(lambda: world.enrol(world.stored(RED).upload_id)) == 800
    for step in range(20, 200, 10):
        upload = world.stored((200, step, 10))
        taken.append(code_of(lambda upload=upload: world.enrol(upload.upload_id)))  # type: ignore[misc]
    assert taken == [850] * 2 + [852] * 16


def test_one_face_that_is_not_the_persons_refuses_the_whole_addition_and_its_file_is_named() -> None:
    world = World()
    world.known(ANN, RED)
    sister, far = (200, 30, 10), (200, 44, 10)
    code, results = ended(lambda: world.enrol(world.stored(sister, sister, far).upload_id))
    assert (code, results["file"]) == (852, "selfie 2.png")


def test_people_under_other_ids_are_listed_and_with_refuse_nobody_is_enrolled() -> None:
    world = World()
    world.known(BEN, RED)
    _, results = ended(lambda: world.enrol(world.stored(RED).upload_id))
    assert results["possible_duplicates"] == [BEN]
    world = World(duplicate_policy="refuse")
    world.known(BEN, RED)
    code, results = ended(lambda: world.enrol(world.stored(RED).upload_id))
    assert (code, results["possible_duplicates"], world.enrolments.requests) == (853, [BEN], [])


def test_every_face_comes_with_its_pictures_and_every_model_s_embedding() -> None:
    world = World(target_width=40, target_height=30, num_aug=3)
    world.enrol(world.stored(RED).upload_id)
    face = world.enrolments.requests[0].faces[0]
    assert (face.aligned.shape, len(face.augmented), set(face.embeddings)) == ((30, 40, 3), 3, {"Colour"})


def test_pickles_are_deleted_and_rebuilt_as_asked_and_a_failure_does_not_undo_the_enrolment() -> None:
    world = World()
    _, results = ended(lambda: world.enrol(world.stored(RED).upload_id))
    assert results["message_pickle"] == {"result": {"message": "delete_pickles was false."}}
    assert results["rebuilt_db"] == {"result": {"message": "rebuild_db was false."}}
    _, results = ended(lambda: world.enrol(world.stored(RED).upload_id, delete_pickles=True, rebuild_db=True))
    assert results["message_pickle"] == {"result": {"message": "Pickle files were deleted.", "gallery.pkl": 670}}
    assert results["rebuilt_db"] == {"result": {"message": "Pickle files were rebuilt.", "Colour": 167}}
    world.gallery.rebuilding = Code.VECTORS_DOWN
    code, results = ended(lambda: world.enrol(world.stored(RED).upload_id, rebuild_db=True))
    assert (code, results["rebuilt_db"]["result"]["Colour"]) == (850, 156)


@pytest.mark.parametrize("asked", [{}, {"delete_pickles": True, "rebuild_db": True}])
def test_a_repeated_call_is_189_and_tells_how_the_first_one_ended(asked: dict[str, Any]) -> None:
    world = World()
    upload = world.stored(RED, stored_photo(RED, 1, faces=2))
    code, first = ended(lambda: world.enrol(upload.upload_id, **asked))
    again, results = ended(lambda: world.enrol(upload.upload_id, **asked))
    told = {key: value for key, value in first.items() if key != "stages"}
    assert (code, again) == (Code.ENROLLED, Code.UPLOAD_GONE)
    assert results["earlier"] == {"code": 800, "results": told}
    assert (results["field"], results["retry"]) == ("upload_id", False)


def test_of_two_calls_at_once_the_loser_learns_of_the_winner() -> None:
    world = World()
    upload = world.stored(RED)
    winners: list[Code] = []

    def meanwhile() -> None:
        world.enrolments.meanwhile = lambda: None
        winners.append(code_of(lambda: world.enrol(upload.upload_id)))

    world.enrolments.meanwhile = meanwhile
    code, results = ended(lambda: world.enrol(upload.upload_id))
    assert (winners, code, results["earlier"]["code"]) == ([Code.ENROLLED], Code.UPLOAD_GONE, 800)


def test_an_upload_that_nobody_enrolled_has_nothing_earlier() -> None:
    world = World()
    world.enrol(world.stored(RED).upload_id)
    for unknown in ("ID-1-0", "", "../x"):
        code, results = ended(lambda unknown=unknown: world.enrol(unknown))  # type: ignore[misc]
        assert (code, "earlier" in results) == (Code.UPLOAD_GONE, False)


@pytest.mark.parametrize("fault", [Code.INSERT_FAILED, Code.DB_DOWN, Code.NO_SPACE])
def test_after_a_failure_the_upload_is_still_usable(fault: Code) -> None:
    world = World()
    upload = world.stored(RED)
    world.enrolments.fault = fault
    code, results = ended(lambda: world.enrol(upload.upload_id))
    assert (code, results["retry"], stages(results)["enrol"]["code"]) == (fault, True, fault)
    world.enrolments.fault = None
    assert code_of(lambda: world.enrol(upload.upload_id)) == 800
    assert world.people.rows[ANN].given_name == "Ann van Dyck"
