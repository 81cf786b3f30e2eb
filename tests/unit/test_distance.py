"""Distances and templates: what they are, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.stages.distance import distances, lengths, template
from pipeline.types import Floats


def _vectors(*rows: tuple[float, ...]) -> Floats:
    return np.array(rows, dtype=np.float32)


def _noisy(direction: Floats, count: int, noise: float, seed: int) -> Floats:
    generator = np.random.default_rng(seed)
    return (direction + generator.normal(0, noise, (count, len(direction)))).astype(np.float32)


def test_that_each_function_is_its_textbook_distance() -> None:
    probe, target = _vectors((3.0, 0.0)), _vectors((0.0, 4.0), (6.0, 0.0))
    assert distances(probe, target, "cosine").tolist() == [[1.0, 0.0]]
    assert distances(probe, target, "euclidean").tolist() == [[5.0, 3.0]]
    assert distances(probe, target, "euclidean_l2").tolist() == [[pytest.approx(2**0.5), 0.0]]


def test_that_n_probes_and_m_templates_give_n_by_m_single_precision_numbers() -> None:
    left, right = _noisy(np.ones(8, np.float32), 5, 0.5, 1), _noisy(np.ones(8, np.float32), 3, 0.5, 2)
    found = distances(left, right, "cosine")
    assert found.shape == (5, 3)
    assert found.dtype.name == "float32"


def test_that_an_embedding_is_at_exactly_no_distance_below_zero_from_itself() -> None:
    vectors = _noisy(np.ones(128, np.float32), 50, 1.0, 3)
    for sim_func in ("cosine", "euclidean", "euclidean_l2"):
        assert np.diag(distances(vectors, vectors, sim_func)).min() >= 0.0


@pytest.mark.parametrize("bad", [(0.0, 0.0), (np.nan, 1.0), (np.inf, 1.0)])
@pytest.mark.parametrize("sim_func", ["cosine", "euclidean", "euclidean_l2"])
def test_that_a_vector_without_a_direction_is_never_scored(bad: tuple[float, float], sim_func: str) -> None:
    good = _vectors((1.0, 0.0))
    for probes, templates in ((_vectors(bad), good), (good, _vectors(bad))):
        with pytest.raises(ValueError, match="embedding"):
            distances(probes, templates, sim_func)
    with pytest.raises(ValueError, match="embedding"):
        template(_vectors((1.0, 0.0), bad), sim_func)


def test_that_embeddings_of_different_models_are_not_compared() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        distances(_vectors((1.0, 0.0)), _vectors((1.0, 0.0, 0.0)), "cosine")


def test_that_an_unknown_distance_is_refused() -> None:
    with pytest.raises(ValueError, match="SIM_FUNC"):
        distances(_vectors((1.0, 0.0)), _vectors((1.0, 0.0)), "manhattan")


def test_that_one_embedding_is_its_own_template() -> None:
    assert template(_vectors((3.0, 4.0)), "cosine").tolist() == pytest.approx([3.0, 4.0])
    assert template(_vectors((3.0, 4.0)), "euclidean").tolist() == [3.0, 4.0]


def test_that_two_embeddings_count_alike_whatever_their_lengths() -> None:
    found = template(_vectors((16.0, 0.0), (0.0, 1.0)), "cosine")
    assert found.tolist() == pytest.approx([4 * 0.5**0.5, 4 * 0.5**0.5])


def test_that_lengths_are_the_sums_of_both_logarithms() -> None:
    found = lengths(_vectors((3.0, 4.0), (1.0, 0.0)), _vectors((0.0, 2.0)))
    assert found[:, 0].tolist() == pytest.approx([np.log(10.0), np.log(2.0)])


def test_that_an_embedding_without_a_length_has_none() -> None:
    with pytest.raises(ValueError, match="zero"):
        lengths(_vectors((0.0, 0.0)), _vectors((1.0, 0.0)))


def test_that_one_stranger_among_five_hardly_moves_the_template() -> None:
    me = np.eye(64, dtype=np.float32)[0]
    mine, stranger = _noisy(me, 4, 0.05, 4), np.eye(64, dtype=np.float32)[1][np.newaxis]
    alone, mixed = template(mine, "cosine"), template(np.vstack([mine, stranger]), "cosine")
    plain = np.vstack([mine / np.linalg.norm(mine, axis=1, keepdims=True), stranger]).mean(axis=0)
    moved, moved_by_plain_mean = 1 - alone @ mixed, 1 - alone @ plain / np.linalg.norm(plain)
    assert moved < 0.01 * moved_by_plain_mean


def test_that_equal_embeddings_keep_equal_weights() -> None:
    same = np.repeat(_vectors((0.6, 0.8)), 4, axis=0)
    assert template(same, "euclidean_l2").tolist() == pytest.approx([0.6, 0.8])


def test_that_the_first_enrolment_anchors_the_template() -> None:
    first, added = np.array([[1.0, 0.0]], np.float32), np.array([[0.8, 0.6]] * 9, np.float32)
    whole = np.concatenate([first, added])
    sixth = 5 * first[0] + added[0]
    sixth /= np.linalg.norm(sixth)
    for sim_func in ("cosine", "euclidean_l2"):
        anchored = template(whole, sim_func, 1)
        assert anchored / np.linalg.norm(anchored) @ sixth > 0.9999
        assert np.array_equal(template(whole, sim_func, 10), template(whole, sim_func))


def test_that_embeddings_that_cancel_out_have_no_template() -> None:
    with pytest.raises(ValueError, match="opposite"):
        template(_vectors((1.0, 0.0), (-1.0, 0.0)), "cosine")


def test_that_nobody_has_a_template_without_embeddings() -> None:
    with pytest.raises(ValueError, match="at least one"):
        template(np.zeros((0, 4), np.float32), "cosine")
