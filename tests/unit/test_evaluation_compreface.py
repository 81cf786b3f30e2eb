"""What `tools.evaluation.compreface` counts, on people that do not exist."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.scoring.scorer import CalibratedScorer, Measured
from pipeline.stages.similarity import similarity_of
from tests.unit.synthetic import people
from tools.calibration.build import BUDGET, fitted, single_comparison
from tools.calibration.sample import model_pairs, scores_of
from tools.evaluation.compreface import SIM_FUNC, pairs, split

SAMPLE = people(420, (2, 3), seed=5, noise=0.35, num_aug=1)
FIRST, SECOND = split(SAMPLE, 1)


@pytest.fixture(scope="module")
def scorer() -> CalibratedScorer:
    """Return what one half's single comparisons make: the trials of whole requests are left out."""
    half = SAMPLE.rows(FIRST)
    compared = model_pairs(half, SIM_FUNC)
    fusion = fitted(half, compared, SIM_FUNC, 1)
    single = single_comparison(compared.scored(fusion))
    return CalibratedScorer(Measured(fusion, BUDGET, single, single, {}, {}, {}, {}), 1e-3, 1e-2)


def test_nobody_is_in_both_halves_and_everybody_in_one() -> None:
    assert set(SAMPLE.person[FIRST]) & set(SAMPLE.person[SECOND]) == set()
    assert sorted([*FIRST, *SECOND]) == list(range(len(SAMPLE.person)))


def test_strangers_of_the_other_half_keep_to_the_rate_and_most_mates_are_alike(scorer: CalibratedScorer) -> None:
    found = pairs(SAMPLE.rows(SECOND), scorer)
    assert found.strangers > 100_000
    assert (found.rate <= 1e-4, found.genuine_alike > 0.9 * found.genuine) == (True, True)


def test_in_a_search_similarity_is_nine_tenths_exactly_where_the_search_accepts(scorer: CalibratedScorer) -> None:
    others = SAMPLE.rows(SECOND)
    targets = {name: values[:200] for name, values in others.embeddings.items()}
    probes = {name: values[200:400] for name, values in others.embeddings.items()}
    scores = scores_of(probes, targets, SIM_FUNC, scorer.measured.fusion, 1).min(axis=1)
    threshold = scorer.search_threshold(200, 1)
    scale = similarity_of(scorer, threshold)
    assert scale.limit == threshold
    assert np.array_equal([scale.of(float(score)) >= 0.9 for score in scores], scores <= threshold)
