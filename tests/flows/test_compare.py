"""What /compare, /search, /detect and /embed decide, and the endpoints of one call; with models that see colours."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from codes_dict import Code, Outcome
from pipeline.flows import (
    CompareRequest,
    EnrolRequest,
    SearchRequest,
    SentFile,
    VerifyRequest,
    compare,
    enrol_photos,
    faces_of,
    search,
    verify_photos,
)
from pipeline.flows.services import AT_ONCE
from pipeline.types import Liveness
from tests.flows.world import ANN, BEN, BLACK, BLUE, DARK_RED, GREEN, RED, Colour, World, ended, photo_file


def files(*sent: Colour | None) -> list[SentFile]:
    """Return files of these colours; None is text that is no base64, an empty tuple bytes that are no photo."""
    return [
        SentFile("me.png", None if one is None else photo_file(one) if one else b"no photo", "damaged") for one in sent
    ]


def patterned(seed: int) -> bytes:
    """Return a red photo with a faint pattern: each is a distinct image."""
    pattern = np.random.default_rng(seed).integers(0, 40, (8, 8, 3), np.uint8)
    pixels = cv2.add(np.full((64, 64, 3), RED[::-1], np.uint8), cv2.resize(pattern, (64, 64)))
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def compared(world: World, a: list[SentFile], b: list[SentFile], live: str = "", document: str = "") -> Outcome:
    """Compare two sets."""
    return compare(CompareRequest(a, b, live, document), world.services)


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        ([RED], [DARK_RED], 210), ([RED], [BLUE], 510), ([RED, DARK_RED], [RED], 210),
        ([RED, BLUE], [RED], 852), ([RED], [RED, BLUE], 852), ([RED, BLACK], [DARK_RED], 210),
        ([], [RED], 117), ([RED], [], 117), ([BLACK], [RED], 630), ([RED], [BLACK], 630),
        ([()], [RED], 120), ([RED], [None], 193), ([RED], [None, ()], 120),
    ],
    ids=str,
)  # fmt: skip
def test_two_sets_are_compared(a: list[Colour | None], b: list[Colour | None], code: int) -> None:
    ended_with, results = ended(lambda: compared(World(), files(*a), files(*b)))
    assert (ended_with, results.get("accepted")) == (code, code == 210)


def test_a_set_that_cannot_be_compared_is_named() -> None:
    assert ended(lambda: compared(World(), files(RED), files(BLACK)))[1]["field"] == "b"


def test_ver_tol_photos_of_the_second_set_have_to_fit_and_to_be_live() -> None:
    world = World(ver_tol=2)
    world.state_of = lambda face: Liveness.UNCERTAIN if face.photo.name == "2.png" else Liveness.LIVE
    different = [SentFile("1.png", patterned(1)), SentFile("2.png", patterned(2))]
    assert ended(lambda: compared(world, files(RED), different, live="b"))[0] == 510
    assert ended(lambda: compared(world, files(RED), different))[0] == 210


def test_nothing_is_kept() -> None:
    world = World()
    compared(world, files(RED), files(RED), live="b")
    assert [world.uploads.open_ones, world.replays.used, world.people.rows] == [{}, {}, {}]


@pytest.mark.parametrize(("state", "code"), [("live", 210), ("spoof", 560), ("uncertain", 561)])
def test_the_selfie_has_to_be_live_and_the_other_set_need_not(state: str, code: int) -> None:
    world = World()
    world.state_of = lambda face: Liveness(state) if face.photo.name == "me.png (2)" else Liveness.SPOOF
    ended_with, results = ended(lambda: compared(world, files(RED), files(DARK_RED), live="b"))
    assert (ended_with, results["liveness"]["me.png (2)"]["state"]) == (code, state)


def test_without_live_no_engine_is_asked() -> None:
    world = World()
    world.liveness_fault = Code.NO_LIVENESS
    assert ended(lambda: compared(world, files(RED), files(RED)))[1]["liveness"] is None


def test_a_document_has_no_stated_rate() -> None:
    _, results = ended(lambda: compared(World(), files(RED), files(DARK_RED), document="a"))
    assert (results["accepted"], results["calibrated"], results["fmr_at_score"]) == (True, False, None)
    assert len(results["warnings"]) == 1


def test_a_photo_below_the_upload_s_minimum_is_compared_with_a_warning() -> None:
    _, results = ended(lambda: compared(World(score_tol=10.0), files(RED), files(DARK_RED)))
    assert (results["accepted"], len(results["warnings"])) == (True, 2)


def test_a_search_names_the_nearest_first_and_marks_who_is_within_the_threshold() -> None:
    world = World()
    world.known(ANN, RED)
    world.known(BEN, BLUE)
    _, results = ended(lambda: search(SearchRequest(files(DARK_RED)), world.services))
    (face,) = results["faces"]
    assert [(one["id"], one["accepted"]) for one in face["candidates"]] == [(ANN, True), (BEN, False)]
    assert (face["candidates"][0]["name"], results["people"]) == ("Ann van Dyck", 2)


def test_a_search_returns_as_many_as_asked_for() -> None:
    world = World()
    for number, colour in enumerate((RED, BLUE, GREEN)):
        world.known(f"ID-{number}", colour)
    _, results = ended(lambda: search(SearchRequest(files(BLUE), limit=2), world.services))
    assert [one["id"] for one in results["faces"][0]["candidates"]][:1] == ["ID-1"]
    assert len(results["faces"][0]["candidates"]) == 2


def test_nobody_is_accepted_by_a_face_that_is_not_live() -> None:
    world = World()
    world.known(ANN, RED)
    world.state_of = lambda _: Liveness.UNCERTAIN
    _, results = ended(lambda: search(SearchRequest(files(RED), live=True), world.services))
    assert [one["accepted"] for one in results["faces"][0]["candidates"]] == [False]


def test_a_search_among_nobody_finds_nobody() -> None:
    _, results = ended(lambda: search(SearchRequest(files(RED)), World().services))
    assert (results["faces"][0]["candidates"], results["people"]) == ([], 0)


def test_a_search_tells_how_far_it_is() -> None:
    shares: list[float] = []
    search(SearchRequest(files(*[RED] * 6)), World().services, shares.append)
    assert shares == [AT_ONCE / 6, 1.0]


@pytest.mark.parametrize(
    ("sent", "code"), [([], 117), ([BLACK], 630), ([()], 120), ([None], 193), ([RED, ()], 101)], ids=str
)
def test_a_search_needs_a_face(sent: list[Colour | None], code: int) -> None:
    assert ended(lambda: search(SearchRequest(files(*sent)), World().services))[0] == code


@pytest.mark.parametrize(("sent", "code"), [([], 117), ([BLACK], 101), ([()], 120), ([None], 193)], ids=str)
def test_faces_need_a_photo(sent: list[Colour | None], code: int) -> None:
    assert ended(lambda: faces_of(files(*sent), World().services, embeddings=False))[0] == code


def test_embeddings_come_with_their_version_and_only_where_asked_for() -> None:
    _, results = ended(lambda: faces_of(files(RED, BLACK), World().services, embeddings=True))
    first, second = results["photos"]
    assert first["faces"][0]["embeddings"]["Colour"] == {"version": "0" * 16, "vector": [201.0, 11.0, 11.0]}
    assert (first["faces"][0]["box"], second["faces"]) == ([16, 16, 32, 32], [])
    _, results = ended(lambda: faces_of(files(RED), World().services, embeddings=False))
    assert "embeddings" not in results["photos"][0]["faces"][0]


def test_one_call_enrols_and_one_call_verifies() -> None:
    world, ask = World(), EnrolRequest("", "Ann", delete_pickles=False, rebuild_db=False, in_place=False)
    code, results = ended(lambda: enrol_photos(ANN, files(RED), ask, world.services))
    assert (code, results["upload"]["saved"]) == (800, ["me.png"])
    claim = VerifyRequest("", skip_verify=False, skip_db_search=False, skip_liveness=False)
    code, results = ended(lambda: verify_photos(ANN, files(DARK_RED), claim, world.services))
    assert (code, results["accepted"], results["upload"]["upload_id"].rpartition("-")[0]) == (200, True, ANN)
    assert [row["name"] for row in results["stages"]][:2] == ["id", "decode"]


def test_one_call_ends_as_the_part_that_refuses() -> None:
    world = World()
    claim = VerifyRequest("", skip_verify=False, skip_db_search=False, skip_liveness=False)
    assert ended(lambda: verify_photos("nobody", files(RED), claim, world.services))[0] == 127
    code, results = ended(lambda: verify_photos(ANN, files(RED), claim, world.services))
    assert (code, results["upload"]["saved"], "compare" in str(results["stages"])) == (116, ["me.png"], False)
