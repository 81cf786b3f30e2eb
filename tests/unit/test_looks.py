"""What a look asks the calibration for, and what it says: every number decides, so every number is pinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from codes_dict import Code, Refusal
from pipeline.ledger import Ledger
from pipeline.stages.compare import check_agreement, embed, first_look, second_look, shown
from pipeline.stages.liveness import judge_faces, shown_verdict
from pipeline.stages.sightings import Probes, Sighting, stacked
from pipeline.types import Crop, EnrolledFaces, Floats, Liveness, LivenessAbout, LivenessVerdict
from tests.fakes import ColourEmbedder, ColourScorer, face_of, sighting_of

RED, BLUE = (200, 10, 10), (10, 10, 200)


class Asked(ColourScorer):
    """Notes what it is asked."""

    def __init__(self, threshold: float = 0.01, second: float = 0.01) -> None:
        super().__init__(threshold, second)
        self.thresholds: list[tuple[int, ...]] = []
        self.rates: list[tuple[float, ...]] = []

    def threshold(self, required: int, images: int) -> float:
        """Note the numbers."""
        self.thresholds.append((required, images))
        return super().threshold(required, images)

    def second_look_threshold(self, required: int, comparisons: int, images: int) -> float:
        """Note the numbers."""
        self.thresholds.append((required, comparisons, images))
        return super().second_look_threshold(required, comparisons, images)

    def fmr_at_second_look(self, score: float, required: int, comparisons: int, images: int) -> float | None:
        """Note the numbers."""
        self.rates.append((score, required, comparisons, images))
        return 0.25


def enrolled(*colours: tuple[int, int, int]) -> EnrolledFaces:
    return EnrolledFaces({"Colour": ColourEmbedder().embed([face_of(colour).crop for colour in colours])})


def augmented(faces: Sequence[Sighting]) -> Mapping[str, Floats]:
    """Return three copies of each face."""
    return stacked([face for face in faces for _ in range(3)])


def faces(*groups: int) -> list[Sighting]:
    """Return a red face in each photo of these numbers, and blue ones where a number comes again."""
    seen = [groups[:at].count(group) for at, group in enumerate(groups)]
    return [
        sighting_of(BLUE if times else RED, f"photo {group}", group) for group, times in zip(groups, seen, strict=True)
    ]


def test_the_second_look_is_for_the_comparisons_of_all_faces_that_the_best_were_chosen_from() -> None:
    scorer = Asked()
    look = second_look(Probes(faces(0, 0, 1), 2), enrolled(RED, RED), scorer, "cosine", (2, 7), augmented)
    assert (look.required, look.counted, look.verified) == (7, 12, True)
    assert scorer.thresholds == [(7, 18, 3)]
    assert look.items == [{"comparisons": 12, "within": 12, "threshold": 0.01}]
    assert (look.fmr, scorer.rates) == (0.25, [(look.score, 7, 18, 3)])


def test_what_is_chosen_from_is_rounded_up() -> None:
    scorer = Asked()
    second_look(Probes(faces(0, 0, 1, 2), 3), enrolled(RED), scorer, "cosine", (1, 1), augmented)
    second_look(Probes(faces(0, 0, 1, 1, 2), 3), enrolled(RED, RED), scorer, "cosine", (1, 1), augmented)
    second_look(Probes(faces(0, 0, 0, 1, 2, 3), 4), enrolled(RED), scorer, "cosine", (1, 1), augmented)
    assert scorer.thresholds == [(1, 12, 4), (1, 30, 5), (1, 18, 6)]


@pytest.mark.parametrize(
    ("photos", "images", "ver_tol", "verified"),
    [(3, 3, 2, True), (2, 2, 3, True), (2, 3, 2, True), (2, 3, 3, False), (1, 2, 2, False)],
)
def test_the_second_look_needs_as_many_live_photos_as_the_first(
    photos: int, images: int, ver_tol: int, verified: bool
) -> None:
    probes = Probes(faces(*range(photos)), images)
    assert second_look(probes, enrolled(RED), Asked(), "cosine", (ver_tol, 3), augmented).verified is verified


def test_a_score_at_the_threshold_passes_and_the_one_that_had_to_pass_decides() -> None:
    target = enrolled(RED)
    scores = [first_look(Probes([one], 1), target, ColourScorer(), "cosine", 1).score for one in faces(0)]
    distance = first_look(Probes([sighting_of((150, 60, 10))], 1), target, ColourScorer(), "cosine", 1).score
    assert distance > scores[0]
    photos = [sighting_of(RED, "a", 0), sighting_of((150, 60, 10), "b", 1), sighting_of(BLUE, "c", 2)]
    at_it = Asked(threshold=distance)
    look = first_look(Probes(photos, 3), target, at_it, "cosine", 2)
    assert (look.verified, look.counted, look.score, at_it.thresholds) == (True, 2, distance, [(2, 3)])
    assert [one["passed"] for one in look.items] == [True, True, False]
    assert [one["votes"]["Colour"]["passed"] for one in look.items] == [True, True, False]
    below = first_look(Probes(photos, 3), target, Asked(threshold=np.nextafter(distance, 0.0)), "cosine", 2)
    assert (below.verified, below.counted) == (False, 1)
    assert list(below.scores) == sorted(below.scores)


def test_a_second_look_counts_the_comparisons_at_the_threshold_and_below() -> None:
    other = (150, 60, 10)
    probes, target = Probes([sighting_of(RED, "a", 0), sighting_of(other, "b", 1)], 2), enrolled(RED)
    distance = second_look(probes, target, Asked(), "cosine", (1, 6), augmented).score
    for second, within in ((distance, 6), (np.nextafter(distance, 0.0), 3)):
        look = second_look(probes, target, Asked(second=second), "cosine", (1, 4), augmented)
        assert (look.items[0]["within"], look.counted, look.verified) == (within, within, within == 6)


@pytest.mark.parametrize("verdicts", [0, 2])
def test_a_judge_that_skips_a_face_or_makes_one_up_is_none(verdicts: int) -> None:
    class Judge:
        about = LivenessAbout(("cnn",))

        def judge(self, faces: Sequence[object]) -> list[LivenessVerdict]:
            return [LivenessVerdict(Liveness.LIVE, 0.1, 0.5)] * verdicts

    with pytest.raises(Refusal) as caught:
        judge_faces(faces(0), Judge, Ledger())
    assert caught.value.code is Code.NO_LIVENESS


def test_a_model_that_leaves_a_face_out_is_a_fault() -> None:
    class Short(ColourEmbedder):
        def embed(self, crops: Sequence[Crop]) -> Floats:
            """Leave the last one out."""
            return super().embed(crops)[:-1]

    bare = [replace(face, embeddings={}) for face in faces(0, 1)]
    with pytest.raises(ValueError, match="zip"):
        embed(bare, {"Colour": Short()}, 2, Ledger())


def test_where_three_are_required_the_third_best_decides() -> None:
    photos = [sighting_of(colour, str(at), at) for at, colour in enumerate((BLUE, (150, 60, 10), RED))]
    look = first_look(Probes(photos, 3), enrolled(RED), ColourScorer(), "cosine", 3)
    assert (look.required, look.score, look.verified) == (3, max(look.scores), False)
    assert len(set(look.scores)) == 3
    with pytest.raises(FrozenInstanceError):
        look.verified = True  # type: ignore[misc]


def test_the_calibration_is_told_how_many_crops_are_behind_what_is_compared() -> None:
    scorer = ColourScorer()
    first_look(Probes(faces(0), 1), enrolled(RED, RED, RED), scorer, "cosine", 1)
    second_look(Probes(faces(0), 1), enrolled(RED, RED), scorer, "cosine", (1, 1), augmented)
    assert scorer.told == [3, 2, 1]


def test_a_look_at_nobody_verifies_nobody() -> None:
    look = second_look(Probes(faces(0), 1), enrolled(RED), Asked(), "cosine", (1, 0), augmented)
    assert (look.verified, look.required, look.score) == (False, 0, float("inf"))


def test_photos_contradict_each_other_where_one_fits_and_another_clearly_does_not() -> None:
    scorer = ColourScorer(threshold=0.01)  # clearly: above 0.1
    for scores in ([0.01, 0.1], [0.011, 0.2], [0.2, 0.3], [0.0, 0.01]):
        check_agreement(np.array(scores), scorer)
    asked = Asked()
    check_agreement(np.array([0.05, 0.2]), asked)
    assert asked.thresholds == [(1, 1)]
    for scores in ([0.01, 0.11], [0.0, 0.5, 0.05]):
        with pytest.raises(Refusal) as caught:
            check_agreement(np.array(scores), scorer)
        assert caught.value.code is Code.DIFFERENT_PEOPLE


def test_scores_are_shown_to_four_places_and_what_is_no_number_is_not() -> None:
    assert [shown(one) for one in (0.123456, -5.0, float("inf"), float("nan"))] == [0.1235, -5.0, None, None]


def test_a_verdict_is_shown_to_four_places_with_every_engine() -> None:
    verdict = LivenessVerdict(Liveness.SPOOF, 0.123456, 0.654321, {"cnn": 0.987654}, "print", "paper")

    class Judge:
        about = LivenessAbout(("cnn",))

        def judge(self, faces: Sequence[object]) -> list[LivenessVerdict]:
            return [verdict for _ in faces]

    said = {"state": "spoof", "score": 0.1235, "threshold": 0.6543, "reason": "print"}
    assert shown_verdict(verdict) == said
    ledger = Ledger()
    (judged,) = judge_faces(faces(0), Judge, ledger)
    assert judged.verdict is verdict
    (row,) = ledger.as_list()
    (item,) = row["items"]
    assert {name: item[name] for name in said} == said
    assert (item["engines"], item["attack"], item["image"], row["in"], row["out"]) == (
        {"cnn": 0.9877}, "paper", "photo 0", 1, 1,
    )  # fmt: skip
