"""What /verify looks at, in which order, what it compares, and what its results say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from api.envelope import without_scores
from codes_dict import Code, Outcome
from pipeline.stages.opening import Opener
from pipeline.types import Face, Liveness
from tests.flows.test_decisions import SO_SO
from tests.flows.test_every_code import CASES, Arrange
from tests.flows.world import ANN, BEN, BLUE, DARK_RED, GREEN, RED, Colour, World, code_of, ended, stages, stored_photo

VERIFICATIONS = {name: arrange for name, _, arrange in CASES if name.startswith("verify")}


@pytest.mark.parametrize("arrange", VERIFICATIONS.values(), ids=VERIFICATIONS)
def test_only_200_and_134_are_accepted(arrange: Arrange) -> None:
    ended_with, results = ended(arrange(World()))
    assert results.get("accepted", False) is (ended_with in (Code.VERIFIED, Code.FOUND))
    if not results.get("accepted"):
        assert (results.get("name"), results.get("distance"), results["advice"] != "") == (None, None, True)


def test_a_verdict_names_the_person_as_given_and_every_stage_in_order() -> None:
    world = World()
    world.known(ANN, RED)
    code, results = ended(lambda: world.verify(world.stored(RED, DARK_RED).upload_id))
    assert (code, results["name"], results["calibrated"], results["left_out"]) == (200, "Ann van Dyck", True, {})
    assert list(stages(results)) == [
        "id", "images", "detect", "liveness", "cues", "record", "replay", "embed", "compare", "nearest",
    ]  # fmt: skip


def test_whoever_is_not_found_goes_through_all_stages_and_the_last_has_the_code() -> None:
    world = World()
    world.known(ANN, RED)
    code, results = ended(lambda: world.verify(world.stored(BLUE).upload_id))
    rows = results["stages"]
    assert [row["name"] for row in rows[-3:]] == ["compare", "second look", "search"]
    assert [(row["code"], row["out"]) for row in rows[-1:]] == [(int(code), 0)]


def test_files_are_called_by_the_clients_names_in_every_stage() -> None:
    world = World()
    world.known(ANN, RED)
    _, results = ended(lambda: world.verify(world.stored(RED, DARK_RED).upload_id))
    for name in ("detect", "liveness", "replay", "compare"):
        assert {item["image"] for item in stages(results)[name]["items"]} == {"selfie 0.png", "selfie 1.png"}


def test_twenty_photos_are_looked_at_and_the_others_are_named() -> None:
    world = World()
    world.known(ANN, RED)
    photos = [stored_photo(RED, number % 8) for number in range(20)]
    others = [stored_photo(RED, number) for number in (20, 21)]
    _, results = ended(lambda: world.verify(world.stored(*photos, *others).upload_id))
    assert results["left_out"] == {"selfie 20.png": 413, "selfie 21.png": 413}
    assert (stages(results)["images"]["in"], stages(results)["images"]["out"]) == (22, 20)


@pytest.mark.parametrize(("photos", "code"), [((RED, DARK_RED), 200), ((RED, SO_SO), 500), ((RED,), 200)])
def test_ver_tol_counts_distinct_images(photos: tuple[tuple[int, int, int], ...], code: int) -> None:
    world = World(ver_tol=2, num_aug=0)
    world.known(ANN, RED)
    assert code_of(lambda: world.verify(world.stored(*photos).upload_id, skip_db_search=True)) == code


def test_copies_of_a_photo_are_one_image() -> None:
    world = World(ver_tol=2)
    world.known(ANN, RED)
    upload = world.stored(stored_photo(RED, 1), stored_photo(RED, 1), stored_photo(RED, 1))
    code, results = ended(lambda: world.verify(upload.upload_id))
    assert (code, stages(results)["embed"]["items"][0]["distinct_images"]) == (200, 1)


def test_only_live_faces_are_compared_and_dropped_images_still_count() -> None:
    world = World(ver_tol=2, num_aug=0)
    world.known(ANN, RED)
    world.state_of = lambda face: Liveness.UNCERTAIN if face.photo.name == "selfie 0.png" else Liveness.LIVE
    code, results = ended(lambda: world.verify(world.stored(RED, RED).upload_id, skip_db_search=True))
    assert code == 500
    assert [item["image"] for item in stages(results)["compare"]["items"]] == ["selfie 1.png"]


def test_a_photo_that_was_used_before_is_dropped_and_the_others_are_compared() -> None:
    world = World()
    world.known(ANN, RED)
    used, fresh = stored_photo(RED, 1), stored_photo(DARK_RED, 2)
    assert code_of(lambda: world.verify(world.stored(used).upload_id)) == 200
    code, results = ended(lambda: world.verify(world.stored(used, fresh).upload_id))
    assert code == 200
    assert [item["image"] for item in stages(results)["compare"]["items"]] == ["selfie 2.png"]


def not_enrolled(world: World) -> None:
    world.people.rows.clear()


def no_folder(world: World) -> None:
    world.people.folders.clear()


def spoof(world: World) -> None:
    world.state_of = lambda _: Liveness.SPOOF


@pytest.mark.parametrize(
    ("prepare", "flags", "used"),
    [
        (None, {}, 1), (None, {"skip_verify": True}, 1), (None, {"skip_liveness": True}, 1),
        (not_enrolled, {}, 0), (no_folder, {}, 0), (spoof, {}, 0),
    ],
)  # fmt: skip
def test_a_photo_is_used_only_where_it_is_compared(
    prepare: Callable[[World], None] | None, flags: dict[str, bool], used: int
) -> None:
    world = World()
    world.known(ANN, RED)
    if prepare:
        prepare(world)
    code_of(lambda: world.verify(world.stored(RED).upload_id, **flags))
    assert len(world.replays.used) == used


def test_a_selfie_under_a_mistyped_id_can_be_sent_again_under_the_right_one() -> None:
    world = World()
    world.known(ANN, RED)
    assert code_of(lambda: world.verify(world.stored(RED, person_id=BEN).upload_id)) is Code.NO_ROW
    assert code_of(lambda: world.verify(world.stored(RED).upload_id)) is Code.VERIFIED


def test_what_is_known_is_neither_embedded_nor_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(replay_policy="off")
    world.known(ANN, RED)
    upload = world.stored(RED, DARK_RED)
    world.embedder.calls.clear()
    monkeypatch.setattr(Opener, "again", None)
    assert code_of(lambda: world.verify(upload.upload_id, skip_liveness=True)) == 200
    assert world.embedder.calls == []


def test_what_another_version_of_a_model_made_is_embedded_again_in_one_call() -> None:
    world = World()
    world.known(ANN, RED)
    upload = world.stored(RED, stored_photo(DARK_RED, 1, embed=False), stored_photo(RED, 2, embed=False))
    world.embedder.calls.clear()
    assert code_of(lambda: world.verify(upload.upload_id, skip_liveness=True)) == 200
    assert world.embedder.calls == [2]


def test_a_photo_that_nobody_looked_at_is_detected() -> None:
    world = World()
    world.known(ANN, RED)
    photo = stored_photo(RED)
    upload = world.stored(type(photo)(photo.image, photo.data), stored_photo(RED, 1))
    code, results = ended(lambda: world.verify(upload.upload_id))
    assert (code, [item["faces"] for item in stages(results)["detect"]["items"]]) == (200, [1, 1])


def test_liveness_judges_ten_photos_in_two_calls_and_lets_their_pixels_go() -> None:
    world = World()
    world.known(ANN, RED)
    judged: list[Face] = []

    def state_of(face: Face) -> Liveness:
        judged.append(face)
        return Liveness.LIVE

    world.state_of = state_of
    upload = world.stored(*[stored_photo(RED, number % 8) for number in range(10)])
    _, results = ended(lambda: world.verify(upload.upload_id))
    assert all(face.photo.pixels.size for face in judged)
    assert (stages(results)["liveness"]["in"], len(judged)) == (10, 10)


def test_on_another_s_id_no_candidate_appears_but_in_the_full_ledger() -> None:
    world = World()
    world.known(ANN, RED)
    world.known(BEN, GREEN)
    code, results = ended(lambda: world.verify(world.stored(RED, person_id=BEN).upload_id))
    assert (code, results["name"], results["distance"]) == (100, None, None)
    assert ANN in str(stages(results)["search"]["items"])
    assert ANN not in str(without_scores(results))


def test_an_accepted_upload_is_not_accepted_again_and_the_first_reply_is_told() -> None:
    world = World()
    world.known(ANN, RED)
    upload_id = world.stored(RED).upload_id
    first = ended(lambda: world.verify(upload_id))
    again, results = ended(lambda: world.verify(upload_id, skip_liveness=True))
    kept = {key: value for key, value in first[1].items() if key not in ("stages", "advice", "retry")}
    assert (first[0], again, results["earlier"]) == (200, Code.USED_BEFORE, {"code": 200, "results": kept})
    assert code_of(lambda: world.enrol(upload_id)) is Code.ENROLLED_ADDED


def test_a_refused_upload_may_be_tried_with_other_flags() -> None:
    world = World()
    world.known(ANN, RED)
    world.known(BEN, BLUE)
    upload_id = world.stored(RED, person_id="ID-3").upload_id
    assert code_of(lambda: world.verify(upload_id)) is Code.NO_ROW
    assert code_of(lambda: world.verify(upload_id, skip_verify=True)) is Code.FOUND_OTHER
    assert code_of(lambda: world.verify(upload_id, skip_verify=True)) is Code.FOUND_OTHER


def test_of_two_verifications_at_once_one_is_accepted() -> None:
    world = World()
    world.known(ANN, RED)
    world.acceptances.meanwhile = Outcome(Code.VERIFIED, {"accepted": True})
    code, results = ended(lambda: world.verify(world.stored(RED).upload_id))
    assert (code, results["earlier"]) == (Code.USED_BEFORE, {"code": 200, "results": {"accepted": True}})


@pytest.mark.parametrize("policy", ["warn", "off"])
def test_an_upload_is_accepted_again_where_the_operator_allows_replays(policy: str) -> None:
    world = World(replay_policy=policy)
    world.known(ANN, RED)
    upload_id = world.stored(RED).upload_id
    assert [code_of(lambda: world.verify(upload_id)) for _ in range(2)] == [Code.VERIFIED, Code.VERIFIED]


def test_an_acceptance_that_cannot_be_recorded_is_none() -> None:
    world = World()
    world.known(ANN, RED)
    world.acceptances.fault = Code.DB_DOWN
    assert code_of(lambda: world.verify(world.stored(RED).upload_id)) is Code.DB_DOWN


@pytest.mark.parametrize("colour", [RED, BLUE], ids=["of nobody", "of another"])
@pytest.mark.parametrize("skip_db_search", [True, False])
def test_an_unknown_id_that_is_hidden_goes_through_the_stages_of_an_enrolled_one(
    skip_db_search: bool, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, asked = [], [Counter[str](), Counter[str]()]

    def counted(work: Callable[..., Any], counts: Counter[str]) -> Callable[..., Any]:
        return lambda *arguments: (counts.update([work.__name__]), work(*arguments))[1]

    for enrolled, counts in zip((ANN, "ID-9"), asked, strict=True):
        world = World()
        monkeypatch.setattr(world.gallery, "snapshot", counted(world.gallery.snapshot, counts))
        monkeypatch.setattr(world.gallery, "person", counted(world.gallery.person, counts))
        monkeypatch.setattr(world.people, "same_as", counted(world.people.same_as, counts))
        world.known(enrolled, GREEN)
        world.known(BEN, BLUE)
        upload_id = world.stored(colour).upload_id
        code, results = ended(partial(world.verify, upload_id, skip_db_search=skip_db_search, hides_unknown=True))
        rows.append([(row["name"], row["in"], row["out"]) for row in results["stages"]])
        assert set(world.replays.used.values()) == {upload_id}
    assert code is Code.NOT_VERIFIED
    assert (rows[0], asked[0]) == (rows[1], asked[1])
    assert results["stages"][-1]["code"] == (None if skip_db_search else 500)


def test_an_unknown_id_is_116_to_whom_it_is_not_hidden_from() -> None:
    world = World()
    assert code_of(lambda: world.verify(world.stored(RED).upload_id)) is Code.NO_ROW
