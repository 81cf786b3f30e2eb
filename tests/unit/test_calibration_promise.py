"""A calibration keeps its promise on people whom it has never seen, whatever is required of however many photos."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.scoring.scorer import CalibratedScorer
from pipeline.scoring.store import read, write
from tests.unit.synthetic import people
from tools.calibration.bootstrap import rate_name, table
from tools.calibration.build import Calibration, calibrate
from tools.calibration.sample import model_pairs, shuffled
from tools.evaluation import system

pytestmark = pytest.mark.slow

PHOTOS = (7, 1, 4, 2, 5, 1, 3, 6)
STATED = 1e-2


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate(people(240, PHOTOS, 1), "cosine", rates=(1e-2, 1e-3, 1e-6), bootstraps=20, draws=2)


def _fmr(calibration: Calibration, ver_tol: int, photos: int, ver_tol_aug: int = 20) -> tuple[float, list[float]]:
    scorer = CalibratedScorer(calibration.measured, STATED, 1e-2)
    rule = system.Rule("cosine", ver_tol, ver_tol_aug)
    accepts = system.run(people(240, PHOTOS, 2), scorer, rule, {}, 2, 5, photos)
    return accepts.impostor(), system.impostor_interval(accepts, 100, 5)


@pytest.mark.parametrize(
    ("ver_tol", "photos"), [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (2, 3), (3, 3), (1, 5), (4, 5)]
)
def test_that_no_choice_of_required_and_sent_photos_opens_a_weaker_door(
    calibration: Calibration, ver_tol: int, photos: int
) -> None:
    rate, (low, _) = _fmr(calibration, ver_tol, photos)
    assert low <= STATED
    assert STATED / 3 <= rate <= 2 * STATED


@pytest.mark.parametrize("ver_tol_aug", [1, 3, 40])
def test_that_no_choice_of_augmented_comparisons_opens_a_weaker_door(
    calibration: Calibration, ver_tol_aug: int
) -> None:
    rate, (low, _) = _fmr(calibration, 2, 3, ver_tol_aug)
    assert low <= STATED
    assert rate <= 2 * STATED


def test_that_more_photos_than_were_measured_do_not_open_a_weaker_door(calibration: Calibration) -> None:
    many = people(60, (12,), 3)
    scorer = CalibratedScorer(calibration.measured, STATED, 1e-2)
    accepts = system.run(many, scorer, system.Rule("cosine", 1), {}, 2, 5, 10)
    assert accepts.impostor() <= STATED


def test_that_the_search_alone_keeps_to_the_stated_rate(calibration: Calibration) -> None:
    scorer = CalibratedScorer(calibration.measured, STATED, 0.5)
    accepts = system.run(people(240, PHOTOS, 2), scorer, system.Rule("cosine"), {}, 2, 5)
    assert accepts.impostor("search") <= STATED


@pytest.mark.parametrize("enrolled", [1, 3])
def test_that_how_often_a_person_was_enrolled_does_not_change_the_rate(
    calibration: Calibration, enrolled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "ENROLLED", enrolled)
    rate, _ = _fmr(calibration, 1, 1)
    assert STATED / 2 <= rate <= 2 * STATED


def test_that_a_search_among_strangers_finds_somebody_at_the_stated_rate(calibration: Calibration) -> None:
    strangers = people(240, PHOTOS, 2)
    scorer = CalibratedScorer(calibration.measured, STATED, 0.1)
    order = shuffled(strangers, np.random.default_rng(4))
    enrolled = [order[person][0] for person in range(120)]
    probes = [order[person][0] for person in range(120, 240)]
    pairs = model_pairs(strangers, "cosine")
    whole = np.full((len(strangers.person),) * 2, np.inf)
    whole[np.triu_indices(len(whole), 1)] = scorer.fuse(pairs.distances, 1, pairs.lengths)
    whole = np.minimum(whole, whole.T)
    found = (whole[np.ix_(probes, enrolled)] <= scorer.search_threshold(len(enrolled), 1)).any(axis=1)
    assert 0.04 <= found.mean() <= 0.2


def test_that_a_calibration_survives_its_file(calibration: Calibration) -> None:
    again = CalibratedScorer(read(write(calibration.measured)), 1e-2, 1e-2)
    before = CalibratedScorer(calibration.measured, 1e-2, 1e-2)
    assert again.threshold(2, 3) == pytest.approx(before.threshold(2, 3), abs=1e-5)
    assert again.second_look_threshold(12, 12, 3) == pytest.approx(before.second_look_threshold(12, 12, 3), abs=1e-5)


def test_that_the_same_people_give_the_same_calibration(calibration: Calibration) -> None:
    again = calibrate(people(240, PHOTOS, 1), "cosine", rates=(1e-2, 1e-3, 1e-6), bootstraps=20, draws=2)
    assert again.thresholds == calibration.thresholds
    assert write(again.measured) == write(calibration.measured)


def test_that_a_rate_that_too_few_pairs_show_is_refused(calibration: Calibration) -> None:
    assert calibration.thresholds["fused"]["1e-6"] is None
    assert calibration.thresholds["fused"]["1e-2"]["errors"] >= 10


def test_that_the_fused_score_beats_its_best_model(calibration: Calibration) -> None:
    rates = {name: one["1e-3"]["tar"] for name, one in calibration.thresholds.items()}
    assert rates["fused"] > max(rates["A"], rates["B"])


def test_that_intervals_come_from_people_and_not_from_pairs() -> None:
    """Everybody's photos are doubled: twice the pairs, but not one more person, so no narrower an interval."""
    sample = people(80, (4,), 6)
    twice = sample.rows(np.repeat(np.arange(len(sample.person)), 2))
    fusion = calibrate(sample, "cosine", rates=(1e-2,), bootstraps=1, draws=1).measured.fusion
    widths = []
    for one in (sample, twice):
        pairs = model_pairs(one, "cosine").scored(fusion)
        low, high = table(pairs, (1e-2,), 200, 1)["1e-2"]["threshold_interval"]
        widths.append(high - low)
    assert widths[1] > 0.8 * widths[0]


@pytest.mark.parametrize(("rate", "name"), [(1e-2, "1e-2"), (0.001, "1e-3"), (2.5e-4, "2.5e-4")])
def test_that_rates_are_named_as_the_files_name_them(rate: float, name: str) -> None:
    assert rate_name(rate) == name


@pytest.mark.parametrize("photos", [(1,), (2,)])
def test_that_a_sample_without_a_second_photo_or_person_is_refused(photos: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="two photos of somebody, and two people"):
        calibrate(people(1 if photos == (2,) else 20, photos, 1), "cosine")
