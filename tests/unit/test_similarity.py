"""Similarity: strictly falling in the score, 0.9 exactly up to the limit, and no promise where no rate is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pipeline.scoring import load_scorer
from pipeline.scoring.published import PublishedScorer
from pipeline.scoring.scorer import CalibratedScorer
from pipeline.scoring.store import SHIPPED
from pipeline.stages.similarity import ALIKE, RATE, Similarity, similarity_of

LIMIT, STRANGER = -3.2, 1.7
SCALE = Similarity(LIMIT, STRANGER)


@pytest.fixture(scope="module")
def scorer() -> CalibratedScorer:
    """Return the scorer of the shipped calibration of one model."""
    versions = json.loads((SHIPPED / "sface.json").read_text())["models"]
    found = load_scorer(versions, "cosine", 4, 1e-3, 1e-2)
    assert isinstance(found, CalibratedScorer)
    return found


def test_the_limit_has_nine_tenths_and_a_typical_stranger_one_tenth() -> None:
    assert [SCALE.of(LIMIT), SCALE.of(STRANGER)] == pytest.approx([0.9, 0.1], abs=1e-5)


@pytest.mark.parametrize("beyond", [1e-9, 1e-6, 1e-3])
def test_what_is_not_within_the_limit_is_below_nine_tenths(beyond: float) -> None:
    assert SCALE.of(LIMIT + beyond) < ALIKE <= SCALE.of(LIMIT - beyond)


def test_a_higher_score_is_never_more_alike_and_all_are_between_0_and_1() -> None:
    found = [SCALE.of(float(score)) for score in np.linspace(-40, 40, 4001)]
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-1], SCALE.of(math.inf), SCALE.of(math.nan)) == (1.0, 0.0, 0.0, 0.0)
    assert len(set(found[1800:2150])) == 350


def test_a_search_that_is_stricter_moves_the_limit_and_one_that_is_not_does_not(scorer: CalibratedScorer) -> None:
    own = similarity_of(scorer).limit
    assert similarity_of(scorer, own - 1).limit == own - 1
    assert similarity_of(scorer, own + 1).limit == own


def test_the_limit_is_where_one_stranger_in_10000_passes(scorer: CalibratedScorer) -> None:
    limit = similarity_of(scorer).limit
    assert scorer.fmr_at(limit, 1, 1) == pytest.approx(RATE)
    assert (scorer.fmr_at(limit + 0.01, 1, 1) or 0) > RATE


def test_a_calibration_that_shows_no_such_rate_never_reaches_nine_tenths(scorer: CalibratedScorer) -> None:
    class Coarse(CalibratedScorer):
        def threshold_at(self, rate: float) -> float:
            return -math.inf

    coarse = similarity_of(Coarse(scorer.measured, scorer.fmr, scorer.fpir))
    assert coarse.of(-1000.0) < ALIKE


def test_without_a_calibration_nine_tenths_is_the_published_threshold() -> None:
    published = similarity_of(PublishedScorer({"Dlib": 0.07}))
    assert (published.of(1.0), published.of(1.01) < ALIKE) == (0.9, True)
