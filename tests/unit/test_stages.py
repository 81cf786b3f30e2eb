"""The rules of the stages, on faces whose likeness can be decided by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from codes_dict import Code, Refusal
from db.gallery.index import Index, MemorySnapshot
from pipeline.ledger import Ledger
from pipeline.stages.compare import embed, first_look, second_look
from pipeline.stages.detect import detect
from pipeline.stages.distinct import DistinctImages, perceptual_hash
from pipeline.stages.guards import check_one_person, check_same_person, possible_duplicates
from pipeline.stages.identity import check_id, check_name, shown_name
from pipeline.stages.liveness import keep_live, space_around, spoof_photos
from pipeline.stages.ranking import rank
from pipeline.stages.search import search
from pipeline.stages.sightings import Probes, Sighting, stacked, without_pixels
from pipeline.types import BothSides, Box, Detection, EnrolledFaces, Floats, Liveness, LivenessVerdict, Person, Pixels
from tests.fakes import ColourEmbedder, ColourScorer, detection_in, face_of, photo_of, sighting_of

RED, DARK_RED, BLUE, GREEN = (200, 10, 10), (190, 12, 12), (10, 10, 200), (10, 200, 10)
ID_REGEX = r"RECO_ID_\d+"


def embedded(*colours: tuple[int, int, int]) -> EnrolledFaces:
    return EnrolledFaces({"Colour": ColourEmbedder().embed([face_of(colour).crop for colour in colours])})


def probes(*colours: tuple[int, int, int], images: int | None = None) -> Probes:
    faces = [sighting_of(colour, f"photo {index}", index) for index, colour in enumerate(colours)]
    return Probes(faces, images or len(faces))


@pytest.mark.parametrize(
    "hostile",
    [
        "", "RECO_ID_", "xRECO_ID_1", "RECO_ID_1x", "RECO_ID_1/../../x", "RECO_ID_1\n", "RECO ID_1", "RECO_ID_1\0",
        "RECO_ID_" + "1" * 57, "RECO_ID_" + "1" * 10_000, "RECO_ID_\u0661", "reco_id_1", ".RECO_ID_1", "RECO_ID_1 ",
    ],
)  # fmt: skip
def test_an_id_that_is_not_wholly_of_the_pattern_is_refused(hostile: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_id(hostile, ID_REGEX)
    assert refused.value.code is Code.ID_NOT_MATCHED


def test_an_id_that_names_a_folder_badly_is_refused_whatever_the_pattern_says() -> None:
    for hostile in ("../x", "a/b", ".hidden", "a b", "a" * 65, "ä"):
        with pytest.raises(Refusal):
            check_id(hostile, ".*")


def test_an_id_of_the_pattern_matches() -> None:
    assert check_id("RECO_ID_000023", ID_REGEX) is Code.ID_MATCHED
    assert check_id("a" * 64, ".*") is Code.ID_MATCHED


@pytest.mark.parametrize(
    "bad", ["", "   ", "a" * 201, "a\nb", "a\0b", "\u007f", "\ud800", "a\u2028b", "a\u202eb", "\u2066a"]
)
def test_a_name_that_is_empty_long_or_has_control_characters_is_refused(bad: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_name(bad)
    assert refused.value.code is Code.BAD_NAME


def test_names_of_any_script_are_taken_and_shown_with_capitals() -> None:
    assert check_name("  Åsa von Ärlig ") == "Åsa von Ärlig"
    assert check_name("می\u200cخواهم") == "می\u200cخواهم"
    row = Person(1, "A", "asa_von_ärlig", "a")
    assert shown_name(row) == "Asa Von Ärlig"
    assert shown_name(replace(row, given_name="Asa von Ärlig")) == "Asa von Ärlig"


def test_the_ten_largest_faces_of_a_photo_are_found_largest_first() -> None:
    found = [replace(detection_in(photo_of(RED).pixels), box=Box(0, 0, width, 9)) for width in range(1, 13)]

    class Crowd:
        def detect(self, photos: Sequence[Pixels]) -> list[list[Detection]]:
            return [found for _ in photos]

    faces = detect([photo_of(RED)], Crowd(), lambda photo: None, Ledger())[0]
    assert [face.detection.box.width for face in faces] == list(range(12, 2, -1))


def judged(state: Liveness) -> Sighting:
    return sighting_of(RED, verdict=LivenessVerdict(state, 0.5, 0.5))


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((Liveness.SPOOF, Liveness.SPOOF), Code.ALL_SPOOF),
        ((Liveness.SPOOF, Liveness.UNCERTAIN, Liveness.UNCERTAIN), Code.NONE_LIVE),
        ((Liveness.UNCERTAIN,), Code.NONE_LIVE),
    ],
)
def test_where_no_face_is_live_the_code_says_whether_all_were_spoof(states: tuple[Liveness, ...], code: Code) -> None:
    with pytest.raises(Refusal) as refused:
        keep_live([judged(state) for state in states], Ledger())
    assert refused.value.code is code


def test_only_live_faces_go_on() -> None:
    faces = [judged(Liveness.SPOOF), judged(Liveness.LIVE), judged(Liveness.UNCERTAIN), sighting_of(RED)]
    assert keep_live(faces, Ledger()) == [faces[1]]


@pytest.mark.parametrize(
    ("states", "live"),
    [("SL", None), ("SSL", None), ("SLL", 2), ("SSLL", None), ("SSLLL", 3), ("SUL", 1), ("SSUL", None), ("L", 1)],
)
def test_where_at_least_half_of_the_photos_are_spoof_none_goes_on(states: str, live: int | None) -> None:
    named = {"S": Liveness.SPOOF, "L": Liveness.LIVE, "U": Liveness.UNCERTAIN}
    faces = [judged(named[letter]) for letter in states]
    if live is not None:
        assert len(keep_live(faces, Ledger())) == live
        return
    with pytest.raises(Refusal) as refused:
        keep_live(faces, Ledger())
    assert refused.value.code is Code.ALL_SPOOF


def test_a_picture_in_the_background_does_not_make_a_photo_spoof() -> None:
    person = judged(Liveness.LIVE)
    box = person.detection.box
    small = replace(person.detection, box=Box(box.left, box.top, box.width / 3, box.height / 3))
    poster = replace(judged(Liveness.SPOOF), photo=person.photo, detection=small)
    assert spoof_photos([person, poster]) == set()
    assert keep_live([person, poster], Ledger()) == [person]
    large = replace(person.detection, box=Box(box.left, box.top, box.width * 3, box.height * 3))
    assert spoof_photos([person, replace(poster, detection=large)]) == {person.photo}


def test_the_advice_says_what_is_wrong_with_most_uncertain_faces() -> None:
    tight = "the face fills the frame: show your whole head"
    reasons = ("the face is too dark: turn towards a light", tight, tight)
    verdicts = [LivenessVerdict(Liveness.UNCERTAIN, 0.5, 0.5, reason=reason) for reason in reasons]
    with pytest.raises(Refusal) as refused:
        keep_live([sighting_of(RED), *(sighting_of(RED, verdict=verdict) for verdict in verdicts)], Ledger())
    assert refused.value.advice == "The face fills the frame: show your whole head."


def test_a_photo_that_is_filled_by_a_face_is_told_so_at_upload() -> None:
    face = sighting_of(RED)
    roomy, tight = (
        replace(face, detection=replace(face.detection, box=Box(0, 0, side, side)))
        for side in (face.photo.pixels.shape[0] / 2, face.photo.pixels.shape[0] / 1.2345)
    )
    (fine,), (close,) = (space_around(face.photo, seen) for seen in ([roomy, tight], [tight, roomy]))
    assert (fine.passed, close.passed, fine.value, close.value) == (True, False, 1.969, 1.215)
    assert "whole head" in close.advice
    assert space_around(face.photo, []) == ()


def scene(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    noise = np.random.default_rng(seed).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (240, 240), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_a_photo_that_is_saved_again_smaller_and_darker_counts_once() -> None:
    original = scene(1)
    again = cv2.resize(original, (150, 150), interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", (again * 0.9).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    copy = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    hashes = [perceptual_hash(one) for one in (original, scene(2), copy, scene(3))]
    distinct = DistinctImages()
    assert [distinct.group_of(one) for one in hashes] == [0, 1, 0, 3]
    assert (distinct.count, distinct.copies) == (3, 1)


def test_a_photo_counts_once_by_its_best_face() -> None:
    group = Probes([sighting_of(BLUE, "group"), sighting_of(RED, "group")], 1)
    look = first_look(group, embedded(RED, RED), ColourScorer(), "cosine", ver_tol=2)
    assert (look.verified, look.required, look.counted) == (True, 1, 1)


def test_enough_distinct_images_verify_and_one_too_few_does_not() -> None:
    enrolled = embedded(RED, DARK_RED)
    enough = first_look(probes(RED, BLUE, DARK_RED), enrolled, ColourScorer(), "cosine", ver_tol=2)
    assert (enough.verified, enough.counted, enough.required) == (True, 2, 2)
    too_few = first_look(probes(RED, BLUE, GREEN), enrolled, ColourScorer(), "cosine", ver_tol=2)
    assert (too_few.verified, too_few.counted) == (False, 1)


def test_an_image_that_liveness_dropped_still_counts_as_required() -> None:
    look = first_look(probes(RED, images=2), embedded(RED), ColourScorer(), "cosine", ver_tol=2)
    assert (look.verified, look.required, look.score) == (False, 2, float("inf"))


def augmented(faces: Sequence[Sighting]) -> Mapping[str, Floats]:
    return stacked([face for face in faces for _ in range(4)])


def test_the_second_look_counts_comparisons_of_augmented_faces_and_enrolled_crops() -> None:
    strict = ColourScorer(threshold=0.0)
    look = second_look(probes(RED, DARK_RED), embedded(RED, RED, RED), strict, "cosine", (2, 20), augmented)
    assert (look.verified, look.required, look.items[0]["comparisons"]) == (True, 20, 24)


def test_the_second_look_asks_for_all_comparisons_where_there_are_fewer_than_the_tolerance() -> None:
    look = second_look(probes(RED), embedded(RED, BLUE), ColourScorer(), "cosine", (2, 20), augmented)
    assert (look.verified, look.required, look.counted) == (False, 8, 4)


def test_copies_of_one_live_image_do_not_make_up_for_the_images_that_liveness_dropped() -> None:
    look = second_look(probes(RED, images=3), embedded(RED, RED, RED), ColourScorer(), "cosine", (2, 5), augmented)
    assert (look.counted, look.verified) == (0, False)


def everybody(**colours: tuple[int, int, int]) -> MemorySnapshot:
    index = Index({"Colour": 3})
    for name, colour in colours.items():
        index.put(name, embedded(colour), {"Colour": embedded(colour)["Colour"][0]})
    return index.snapshot(1)


def searched(claimed: str, colour: tuple[int, int, int], scorer: ColourScorer) -> Code:
    request = Probes([sighting_of(colour)], 1)
    ranking = rank(claimed, request, everybody(red=RED, blue=BLUE), scorer, "cosine", lambda _: ())
    return search(ranking, 1, 1, 2).code


def test_a_search_tells_the_claimed_id_from_another_and_from_nobody() -> None:
    scorer = ColourScorer()
    assert searched("red", RED, scorer) is Code.FOUND
    assert searched("blue", RED, scorer) is Code.FOUND_OTHER
    assert searched("stranger", RED, scorer) is Code.FOUND_OTHER
    assert searched("red", GREEN, scorer) is Code.NOT_VERIFIED


def test_a_claimed_id_within_the_search_threshold_alone_is_not_found() -> None:
    assert searched("red", DARK_RED, ColourScorer(threshold=0.0)) is Code.NOT_VERIFIED


def test_a_search_among_nobody_finds_nobody() -> None:
    ranking = rank("red", Probes([sighting_of(RED)], 1), everybody(), ColourScorer(), "cosine", lambda _: ())
    assert search(ranking, 1, 1, 0).code is Code.NOT_VERIFIED


@pytest.mark.parametrize("broken", [np.full((1, 3), np.nan), np.full((1, 3), np.inf), np.ones((2, 3)), np.ones(3)])
def test_what_is_no_embedding_is_never_compared(broken: Floats) -> None:
    good = np.ones((1, 3), np.float32)
    for pair in [(broken, good), (good, broken)]:
        with pytest.raises(ValueError, match="no usable embeddings"):
            BothSides(*pair)


def test_only_embeddings_that_are_not_known_are_computed_in_one_call() -> None:
    model, known = ColourEmbedder(), sighting_of(BLUE)
    unknown = [replace(sighting_of(colour), embeddings={}) for colour in (RED, GREEN)]
    faces = embed([unknown[0], known, unknown[1]], {"Colour": model}, 3, Ledger())
    assert model.calls == [2]
    assert np.array_equal(stacked(faces)["Colour"], embedded(RED, BLUE, GREEN)["Colour"])


def test_the_faces_of_a_photo_share_one_without_pixels_and_keep_their_crops() -> None:
    one, other = sighting_of(RED, "one"), sighting_of(BLUE, "other")
    faces = without_pixels([one, replace(one, group=1), other])
    assert faces[0].photo is faces[1].photo is not faces[2].photo
    assert [face.photo.pixels.size for face in faces] == [0, 0, 0]
    assert [face.photo.pixels.base for face in faces] == [None, None, None]
    assert faces[0].crop is one.crop


def test_faces_of_two_people_are_not_one_person() -> None:
    faces = [sighting_of(colour, str(number)) for number, colour in enumerate((RED, DARK_RED, RED, BLUE))]
    check_one_person(faces[:3], ColourScorer(), "cosine")
    with pytest.raises(Refusal) as refused:
        check_one_person(faces, ColourScorer(), "cosine")
    assert (refused.value.code, refused.value.file) == (Code.DIFFERENT_PEOPLE, "3")


@pytest.mark.parametrize("each", [1, 2, 5, 8])
def test_two_people_with_as_many_faces_each_are_not_one_person(each: int) -> None:
    # The template of all faces is between the two, and near enough to both for this threshold.
    faces = [sighting_of(colour, str(number)) for number, colour in enumerate((RED, BLUE) * each)]
    with pytest.raises(Refusal) as refused:
        check_one_person(faces, ColourScorer(threshold=0.4), "cosine")
    assert (refused.value.code, refused.value.file) == (Code.DIFFERENT_PEOPLE, None)


def same_person(*colours: tuple[int, int, int], enrolled: EnrolledFaces | None) -> Code | None:
    try:
        check_same_person([sighting_of(one, str(one)) for one in colours], enrolled, ColourScorer(), "cosine")
    except Refusal as refusal:
        return refusal.code
    return None


def test_somebody_else_may_not_be_enrolled_under_an_id() -> None:
    assert same_person(RED, enrolled=None) is None
    assert same_person(RED, enrolled=embedded(DARK_RED)) is None
    assert same_person(BLUE, enrolled=embedded(DARK_RED)) is Code.DIFFERENT_PEOPLE
    assert same_person(RED, BLUE, RED, enrolled=embedded(DARK_RED)) is Code.DIFFERENT_PEOPLE


def test_what_is_added_has_to_match_the_first_enrolment_and_not_only_the_last() -> None:
    """Two steps that each match what is enrolled by then; together they are too far from the first one."""
    first, step, far = (200, 10, 10), (200, 30, 10), (200, 42, 10)
    drifted = EnrolledFaces(embedded(first, step, step, step), 1)
    assert same_person(far, enrolled=embedded(step)) is None
    assert same_person(far, enrolled=drifted) is Code.DIFFERENT_PEOPLE
    assert same_person(step, enrolled=drifted) is None


def test_possible_duplicates_are_the_other_ids_within_reach_closest_first() -> None:
    enrolled, scorer = everybody(a=DARK_RED, b=BLUE, c=RED, d=RED), ColourScorer()
    assert possible_duplicates("d", embedded(RED), enrolled, scorer, "cosine") == ["c", "a"]
    assert possible_duplicates("d", embedded(RED), everybody(), scorer, "cosine") == []
