"""Scores as distances of the metric that is asked for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pipeline.scoring.published import PublishedScorer
from pipeline.stages.distance import distances
from pipeline.stages.metric import METRICS, Scale, confidence, metrics_of, scale_of
from tests.fakes import ColourScorer

PROBE, OTHERS = np.array([[0.3, -1.2, 0.5]], np.float32), np.random.default_rng(1).normal(0, 1, (40, 3))


def angle(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.arccos(one @ other / np.linalg.norm(one) / np.linalg.norm(other)) / np.pi)


@pytest.mark.parametrize("metric", metrics_of("cosine"))
@pytest.mark.parametrize("sim_func", ["cosine", "euclidean_l2"])
def test_a_distance_is_the_metrics_own(sim_func: str, metric: str) -> None:
    others = OTHERS.astype(np.float32)
    ours = [Scale(sim_func, metric).of(float(one)) for one in distances(PROBE, others, sim_func)[0]]
    theirs = [angle(PROBE[0], one) for one in others]
    if metric != "angular":
        theirs = distances(PROBE, others, metric)[0].tolist()
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_raw_embeddings_distances_stand_alone() -> None:
    assert (metrics_of("euclidean"), set(metrics_of("cosine"))) == (("euclidean",), set(METRICS) - {"euclidean"})
    assert Scale("euclidean", "euclidean").of(12.5) == 12.5


@pytest.mark.parametrize("metric", metrics_of("cosine"))
def test_a_distance_is_within_its_threshold_only_if_accepted(metric: str) -> None:
    scale = Scale("cosine", metric)
    for score, threshold in itertools.product(np.linspace(-0.1, 2.2, 47), np.linspace(0.0, 1.0, 21)):
        distance, limit = scale.pair(float(score), float(threshold), bool(score <= threshold))
        assert (distance <= limit) == (score <= threshold), (score, threshold)
    assert scale.pair(0.35001, 0.35, accepted=False)[0] > scale.pair(0.35, 0.35, accepted=True)[1]


def test_published_thresholds_are_the_unit_where_nothing_is_calibrated() -> None:
    scorer = PublishedScorer({"Facenet": 0.4, "ArcFace": 0.68})
    assert scale_of("cosine", "cosine", scorer).pair(0.5, 1.0, accepted=True) == (0.27, 0.54)
    assert scale_of("cosine", "cosine", ColourScorer()).unit == 1.0


@pytest.mark.parametrize(
    ("distance", "accepted", "expected"),
    [(0.0, True, 100.0), (0.2, True, 75.5), (0.4, True, 51.0), (0.4001, False, 48.99), (0.6, False, 24.5),
     (0.8, False, 0.0), (2.0, False, 0.0), (0.1, False, 49.0)],
)  # fmt: skip
def test_confidence_is_over_50_only_if_accepted(distance: float, accepted: bool, expected: float) -> None:
    assert confidence(distance, 0.4, accepted) == expected


def test_without_a_threshold_nothing_is_certain() -> None:
    assert confidence(0.0, 0.0, accepted=False) == 0.0
