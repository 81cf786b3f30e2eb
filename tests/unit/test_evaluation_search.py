"""The search as `bin/evaluate` measures it: photo by photo, and as requests of several photos of a person."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.scoring.fusion import plain
from tests.unit.synthetic import people
from tools.calibration.sample import Sample
from tools.evaluation import recognition
from tools.evaluation.recognition import search_rates


class Plain:
    """A scorer of one model's distance: a search needs no more of one."""

    models = ("A",)
    fuse = staticmethod(plain("A").fuse)


def rates(sample: Sample) -> dict[str, Any]:
    return search_rates(sample, Plain(), "cosine", splits=3, seed=1)  # type: ignore[arg-type]


def test_each_persons_photos_are_sent_up_to_three_at_a_time() -> None:
    found = rates(people(40, (6,), 1))
    assert (found["people"], found["mated"], found["non_mated"]) == (20, 3 * 20 * 5, 3 * 20 * 6)
    assert (found["requests"]["mated"], found["requests"]["non_mated"]) == (3 * 20 * 2, 3 * 20 * 2)


def test_requests_of_one_photo_are_searched_as_photos_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "MOST_SENT", 1)
    found = rates(people(60, (3, 1, 5), 2, noise=0.9))
    assert found["requests"].items() <= found.items()
    assert 0 < found["fnir_at_fpir_1e-2"] < 1


def test_the_best_of_three_photos_finds_more_people_than_one_does() -> None:
    found = rates(people(150, (4, 7), 3, noise=0.9))
    assert found["requests"]["rank1"] > found["rank1"] + 0.05
    assert found["requests"]["fnir_at_fpir_1e-2"] < found["fnir_at_fpir_1e-2"] - 0.05


def test_that_people_with_one_photo_each_cannot_be_searched_for() -> None:
    with pytest.raises(ValueError, match="a second photo"):
        rates(people(20, (1,), 4))
