"""How several liveness engines become one score."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.models.liveness.cnn import log_odds
from pipeline.models.liveness.facenox import SIZE, Facenox, cut_reflected
from pipeline.models.liveness.fasnet import FasnetScores
from pipeline.models.liveness.fusion import ATTACK_ABOVE, fused_scores
from pipeline.models.liveness.guards import median
from pipeline.types import Box, Floats


def fasnet(*attack: float, bare: float = 0.5) -> FasnetScores:
    """Return what Fasnet says of one face: each network's probability of an attack, and that of the face on black."""
    plain = np.array([[[0.0, 1 - one, one] for one in attack]], np.float32)
    return FasnetScores(plain, np.array([[0.0, 1 - bare, bare]], np.float32))


def odds_of(score: Floats) -> float:
    return float(log_odds(score)[0])


def one(value: float) -> Floats:
    return np.array([value], np.float32)


def chance(odds: float) -> float:
    return 1 / (1 + float(np.exp(-odds)))


def test_open_faces_are_judged_by_the_sum_of_all_engines() -> None:
    score = fused_scores(one(chance(1)), fasnet(chance(-3), chance(-1)), one(-0.5), one(1.5))
    assert odds_of(score) == pytest.approx(-2 - 0.5 + 0.5 + 1, abs=1e-3)


def test_a_network_of_our_own_that_is_sure_of_a_live_face_does_not_outvote_the_others() -> None:
    replay = fused_scores(one(0.002), fasnet(1.0, 1.0), one(3.0), one(3.0))
    assert replay[0] > 0.99


def test_no_engine_says_more_than_its_limit() -> None:
    mixed = fused_scores(one(chance(40)), fasnet(0.0, 0.0), one(90.0), one(3.0))
    assert odds_of(mixed) == pytest.approx(-6 + 6 + 0.5 * 6 + 1, abs=1e-3)


@pytest.mark.parametrize("engines", [engines for engines in ATTACK_ABOVE if len(engines) == 2])
def test_two_engines_have_a_threshold_of_their_own(engines: frozenset[str]) -> None:
    given = (
        one(0.5) if "cnn" in engines else None,
        fasnet(0.5, 0.5) if "fasnet" in engines else None,
        one(0.0) if "facenox" in engines else None,
    )
    assert odds_of(fused_scores(*given, one(2.0))) == pytest.approx(-ATTACK_ABOVE[engines], abs=1e-3)


def test_tight_faces_are_judged_by_the_face_alone_and_those_between_by_both_rules() -> None:
    said = one(chance(1)), fasnet(chance(-3), chance(-1), bare=chance(2)), one(-0.5)
    tight, between, open_face = (odds_of(fused_scores(*said, one(reach))) for reach in (1.3, 1.4, 1.5))
    assert tight == pytest.approx(1 + 0.4 * 2 + 0.6, abs=1e-3)
    assert between == pytest.approx((tight + open_face) / 2, abs=1e-3)


def test_facenox_sees_the_photos_mirror_image_beyond_its_edges() -> None:
    photo = np.zeros((100, 100, 3), np.uint8)
    photo[:, :50, 0], photo[:, 50:, 1] = 200, 200
    left, top, right = (cut_reflected(photo, Box(x, y, 64, 64)) for x, y in ((-32, 18), (18, -32), (68, 18)))
    assert {crop.shape for crop in (left, top, right)} == {(SIZE, SIZE, 3)}
    assert left[64, 10].tolist() == left[64, 85].tolist() == [200, 0, 0]
    assert right[64, 117].tolist() == [0, 200, 0]
    assert top[10].tolist() == top[117].tolist()


def test_facenox_refuses_an_output_that_is_not_one_number_a_face() -> None:
    from codes_dict import Refusal

    photo = np.zeros((80, 80, 3), np.uint8)
    for wrong in (np.zeros((2, 2)), np.zeros((1, 3)), np.full((1, 2), np.nan)):
        engine = Facenox(lambda batch, wrong=wrong: np.asarray(wrong, np.float32))  # type: ignore[misc]
        with pytest.raises(Refusal, match="facenox"):
            engine.score([photo], [Box(10, 10, 60, 60)])


def test_facenox_gives_the_log_odds_of_its_second_column() -> None:
    engine = Facenox(lambda batch: np.array([[1.0, 3.5]], np.float32))
    assert engine.score([np.zeros((80, 80, 3), np.uint8)], [Box(10, 10, 60, 60)]).tolist() == [2.5]


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_the_median_of_brightness_is_that_of_the_sorted_values(count: int) -> None:
    for seed in range(20):
        grey = np.random.default_rng(seed).integers(0, 256, (count, 5), dtype=np.uint8)
        assert median(grey) == np.median(grey)
