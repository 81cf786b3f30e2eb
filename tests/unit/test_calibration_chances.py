"""More faces than photos are more chances, and thresholds are asked for so many."""

from __future__ import annotations

from pipeline.stages.compare import first_look, second_look
from pipeline.stages.sightings import Probes
from tests.fakes import ColourScorer, sighting_of
from tests.unit.test_stages import BLUE, RED, embedded


class AskedScorer(ColourScorer):
    """Keeps what thresholds it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, ...]] = []

    def threshold(self, required: int, images: int) -> float:
        self.asked.append((required, images))
        return super().threshold(required, images)

    def second_look_threshold(self, required: int, comparisons: int, images: int) -> float:
        self.asked.append((required, comparisons, images))
        return super().second_look_threshold(required, comparisons, images)


def _probes(groups: list[int], images: int) -> Probes:
    colours = [(BLUE, RED)[index % 2] for index in range(len(groups))]
    return Probes([sighting_of(*each) for each in zip(colours, ["photo"] * len(groups), groups, strict=True)], images)


def test_that_a_photo_of_four_faces_is_asked_for_four_chances() -> None:
    scorer = AskedScorer()
    first_look(_probes([0, 0, 0, 0], 1), embedded(RED), scorer, "cosine", 2)
    assert scorer.asked == [(1, 4)]


def test_that_an_image_without_a_live_face_is_still_a_chance() -> None:
    scorer = AskedScorer()
    first_look(_probes([0], 3), embedded(RED), scorer, "cosine", 2)
    assert scorer.asked == [(2, 3)]


def test_that_the_second_look_counts_the_comparisons_that_were_chosen_from() -> None:
    scorer = AskedScorer()
    twice = embedded(RED, RED)
    second_look(_probes([0, 0, 1], 2), embedded(RED, BLUE), scorer, "cosine", (2, 20), lambda faces: twice)
    assert scorer.asked == [(4, 6, 3)]
