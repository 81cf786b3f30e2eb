"""Curves, the scorer's thresholds, and finding the calibration of the selected models."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.registry import AUGMENTATION_VERSION, other_precision
from pipeline.scoring import CalibrationFault, load_scorer
from pipeline.scoring import fusion as fusion_module
from pipeline.scoring.curve import Curve, measure
from pipeline.scoring.fusion import Fusion, LengthTerm, fit, plain
from pipeline.scoring.published import PublishedScorer
from pipeline.scoring.scorer import Budget, CalibratedScorer, Measured, SecondLook
from pipeline.scoring.store import FORMAT, SHIPPED, write
from pipeline.types import Floats

VERSIONS = {"Dlib": "0123456789abcdef"}


def _curve(shift: float = 0.0) -> Curve:
    """Return a curve on which each decade of the rate is 0.1 of score, from 1e-5 at 0.0 on."""
    rates = tuple(10.0**power for power in range(-5, 1))
    return Curve(rates, tuple(0.1 * index + shift for index in range(6)))


def _measured() -> Measured:
    first = {1: {1: _curve()}, 2: {1: _curve(-0.03), 2: _curve(0.03)}}
    second = {1: (SecondLook(8, 8, _curve(0.04)),)}
    search = {1: {10: _curve(-0.05), 1000: _curve(-0.15)}}
    budget = Budget(first=0.5, second=0.25, search=0.25)
    return Measured(plain("Dlib"), budget, _curve(), _curve(), first, second, search, {"Dlib": _curve()})


def _scorer(fmr: float = 1e-3, fpir: float = 1e-2) -> CalibratedScorer:
    return CalibratedScorer(_measured(), fmr, fpir)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of calibration files, which returns their folder."""

    def written(versions: dict[str, str] | None = None, **changes: Any) -> Path:
        models = VERSIONS if versions is None else versions
        content = {"format": FORMAT, "models": models, "augmentation": AUGMENTATION_VERSION}
        content |= {"sim_funcs": {"cosine": write(_measured())}} | changes
        (tmp_path / "one.json").write_text(json.dumps(content), encoding="utf-8")
        return tmp_path

    return written


def _load(folder: Path, **changes: Any) -> Any:
    asked: dict[str, Any] = {"versions": VERSIONS, "sim_func": "cosine", "num_aug": 4, "fmr": 1e-3, "fpir": 1e-2}
    return load_scorer(**(asked | changes), folder=folder)


def test_that_a_curve_gives_back_the_rate_of_its_own_score() -> None:
    curve = _curve()
    assert curve.rate(curve.score(3e-4)) == pytest.approx(3e-4)


def test_that_a_curve_shows_nothing_below_its_floor() -> None:
    assert _curve().score(9e-6) == -math.inf
    assert _curve().rate(-5.0) == 1e-5


def test_that_a_score_beyond_every_impostor_has_the_rate_one() -> None:
    assert _curve().rate(0.51) == 1.0


def test_that_a_measured_curve_keeps_to_its_rates_on_what_it_was_measured_on() -> None:
    scores = np.random.default_rng(1).normal(0, 1, 100_000)
    curve = measure(scores, 1e-4)
    for rate in (1e-4, 1e-3, 1e-2, 0.1):
        assert 0.99 * rate <= (scores <= curve.score(rate)).mean() <= rate


@pytest.mark.parametrize(
    ("rates", "scores"),
    [((0.1, 0.01), (0.0, 1.0)), ((0.1, 0.2), (1.0, 0.0)), ((0.1,), (math.nan,)), ((0.0,), (1.0,)), ((), ())],
)
def test_that_a_curve_that_is_none_is_refused(rates: tuple[float, ...], scores: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="ates"):
        Curve(rates, scores)


def test_that_each_part_gets_its_share_of_the_stated_rate() -> None:
    scorer = _scorer()
    assert scorer.threshold(1, 1) == pytest.approx(_curve().score(5e-4))
    assert scorer.found_threshold(1, 1) == pytest.approx(_curve().score(2.5e-4))
    assert scorer.second_look_threshold(8, 8, 1) == pytest.approx(_curve(0.04).score(2.5e-4))


def test_that_more_required_images_loosen_a_threshold_and_more_chances_tighten_it() -> None:
    scorer = _scorer()
    assert scorer.threshold(1, 2) < scorer.threshold(1, 1) < scorer.threshold(2, 2)


def test_that_more_images_than_were_measured_are_bounded_by_markovs_inequality() -> None:
    assert _scorer().threshold(2, 8) == pytest.approx(_curve().score(5e-4 * 2 / 8))


def test_that_a_second_look_that_was_not_measured_is_bounded_by_markovs_inequality() -> None:
    assert _scorer().second_look_threshold(5, 20, 1) == pytest.approx(_curve().score(2.5e-4 * 5 / 20))


def test_that_a_rate_that_the_data_cannot_show_lets_nobody_in() -> None:
    assert _scorer(fmr=1e-5).threshold(1, 1) == -math.inf


def test_that_the_rate_at_the_threshold_is_the_stated_one() -> None:
    scorer = _scorer()
    assert scorer.fmr_at(scorer.threshold(2, 2), 2, 2) == pytest.approx(1e-3)
    assert scorer.fmr_at(scorer.threshold(2, 8), 2, 8) == pytest.approx(1e-3)
    assert scorer.fmr_at_found(scorer.found_threshold(1, 2), 1, 2) == pytest.approx(1e-3)
    second = scorer.second_look_threshold(8, 8, 1)
    assert scorer.fmr_at_second_look(second, 8, 8, 1) == pytest.approx(1e-3)


def test_that_the_rate_at_a_score_never_falls_below_what_the_data_show() -> None:
    assert _scorer().fmr_at(-3.0, 1, 1) == pytest.approx(1e-5 / 0.5)


def test_that_a_larger_gallery_has_a_stricter_search() -> None:
    scorer = _scorer()
    thresholds = [scorer.search_threshold(people, 1) for people in (5, 10, 1000, 2000, 50_000, 10**9)]
    assert thresholds[0] == thresholds[1] == pytest.approx(_curve(-0.05).score(1e-2))
    assert thresholds[2] == pytest.approx(_curve(-0.15).score(1e-2))
    assert thresholds[3] == pytest.approx(_curve(-0.15).score(5e-3))
    assert thresholds[5] == pytest.approx(-0.15)
    assert thresholds == sorted(thresholds, reverse=True)


def test_that_more_images_make_a_stricter_search() -> None:
    assert _scorer().search_threshold(10, 2) == pytest.approx(_curve(-0.05).score(5e-3))


@pytest.mark.parametrize("asked", [(0, 1), (2, 1), (-1, 3)])
def test_that_a_number_that_cannot_be_required_is_refused(asked: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be required"):
        _scorer().threshold(*asked)


def test_that_a_budget_spends_exactly_the_stated_rate() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Budget(0.7, 0.2, 0.2)


def _one(value: float) -> dict[str, Floats]:
    return {"Dlib": np.array([[value]], np.float32)}


def test_that_one_model_against_one_photo_scores_its_distance() -> None:
    assert plain("Dlib").fuse(_one(0.25), 1).tolist() == [[0.25]]


def test_that_a_template_of_more_photos_needs_a_smaller_distance() -> None:
    fusion = Fusion(("Dlib",), (1.0,), (LengthTerm(0.0, 0.0, 0.0, 0.0),), template_shift=0.06)
    scores = [float(fusion.fuse(_one(0.25), count)[0, 0]) for count in (1, 2, 3, None)]
    assert scores == pytest.approx([0.25, 0.28, 0.29, 0.31])


def test_that_unknown_lengths_count_as_the_strictest_ones() -> None:
    fusion = Fusion(("Dlib",), (1.0,), (LengthTerm(0.5, -1.0, 0.0, 2.0),))
    known = [float(fusion.fuse(_one(0.0), 1, _one(length))[0, 0]) for length in (-9.0, -1.0, 0.0, 1.0, 9.0)]
    assert known == pytest.approx([-0.5, -0.5, 0.0, 0.5, 1.0])
    assert fusion.fuse(_one(0.0), 1).tolist() == [[1.0]]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_that_a_distance_or_length_that_is_no_number_is_never_fused(bad: float) -> None:
    for distance, length in ((bad, 1.0), (1.0, bad)):
        with pytest.raises(ValueError, match="finite"):
            plain("Dlib").fuse(_one(distance), 1, _one(length))


def test_that_a_fit_gives_the_better_model_more_weight_and_an_uninformative_length_none() -> None:
    generator = np.random.default_rng(5)
    same = np.arange(20_000) % 20 == 0
    good = np.where(same, 0.0, 3.0) + generator.normal(0, 1, len(same))
    poor = np.where(same, 0.0, 1.0) + generator.normal(0, 1, len(same))
    length = generator.normal(0, 1, len(same))
    distances = {"good": good.astype(np.float32), "poor": poor.astype(np.float32)}
    lengths = {name: length.astype(np.float32) for name in distances}
    fusion = fit(distances, lengths, same, np.ones(len(same)), 1)
    assert fusion.weights == pytest.approx((0.75, 0.25), abs=0.03)
    assert sum(term.slope for term in fusion.lengths) == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize(("direction", "share"), [(1.0, 0.5), (-1.0, 1.0)])
def test_that_only_half_of_what_favours_poor_photos_is_kept(
    direction: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(5)
    same = np.arange(20_000) % 20 == 0
    length = generator.normal(0, 1, len(same))
    apart = np.where(same, 0.0, 3.0) - direction * length + generator.normal(0, 1, len(same))
    given = {"Dlib": apart.astype(np.float32)}, {"Dlib": length.astype(np.float32)}
    kept = fit(*given, same, np.ones(len(same)), 1).lengths[0].slope
    monkeypatch.setattr(fusion_module, "FAVOUR", 1.0)
    assert kept == pytest.approx(share * fit(*given, same, np.ones(len(same)), 1).lengths[0].slope)
    assert np.sign(kept) == direction


def test_that_models_that_tell_nobody_apart_are_not_fused() -> None:
    same = np.arange(1000) % 2 == 0
    reversed_ = {"Dlib": same.astype(np.float32)}
    with pytest.raises(ValueError, match="No model"):
        fit(reversed_, reversed_, same, np.ones(1000), 1)


def test_that_a_calibration_of_ones_own_is_used(folder: Callable[..., Path]) -> None:
    scorer = _load(folder())
    assert scorer.calibrated
    assert scorer.threshold(1, 1) == pytest.approx(_scorer().threshold(1, 1), abs=1e-5)


@pytest.mark.parametrize("changed", [{"Dlib": "f" * 16}])
def test_that_a_calibration_for_other_weights_is_refused_with_what_to_run(
    folder: Callable[..., Path], changed: dict[str, str]
) -> None:
    with pytest.raises(CalibrationFault, match=r"other weights or another alignment; run bin/calibrate FOLDER"):
        _load(folder(), versions=changed)


def test_by_a_calibration_with_other_augmentations_nobody_passes_in_the_second_look(
    folder: Callable[..., Path],
) -> None:
    same, other = _load(folder()), _load(folder(augmentation="g1"))
    assert other.threshold(1, 1) == same.threshold(1, 1)
    assert other.found_threshold(1, 2) == same.found_threshold(1, 2)
    looks = [(8, 8, 1), (5, 20, 1), (60, 60, 2)]
    assert all(same.second_look_threshold(*look) > -math.inf for look in looks)
    assert [other.second_look_threshold(*look) for look in looks] == [-math.inf] * 3
    assert other.fmr_at_second_look(-1.0, 8, 8, 1) == 1.0


def test_the_shipped_calibrations_were_made_with_the_augmentations_as_they_are() -> None:
    made = [json.loads(file.read_text(encoding="utf-8")).get("augmentation") for file in SHIPPED.glob("*.json")]
    assert made == [AUGMENTATION_VERSION] * 7


def test_a_calibration_holds_in_both_precisions(folder: Callable[..., Path]) -> None:
    other = {name: other_precision(version) for name, version in VERSIONS.items()}
    assert other != VERSIONS
    assert _load(folder(), versions=other).calibrated


def test_that_published_thresholds_decide_where_nothing_was_calibrated(tmp_path: Path) -> None:
    scorer = _load(tmp_path, versions={"Facenet": "a" * 16, "ArcFace": "b" * 16})
    assert isinstance(scorer, PublishedScorer)
    both = {"Facenet": np.array([[0.2]], np.float32), "ArcFace": np.array([[0.68]], np.float32)}
    assert (scorer.calibrated, scorer.threshold(2, 3), scorer.fmr_at(0.1, 1, 1)) == (False, 1.0, None)
    assert scorer.fuse(both).tolist() == [[pytest.approx(0.75)]]


def test_that_a_model_without_any_threshold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CalibrationFault, match="neither a calibration nor a published threshold"):
        _load(tmp_path, versions={"MobileFaceNet": "a" * 16, "Facenet": "b" * 16})


def test_that_a_rate_below_what_the_calibration_shows_is_refused_with_what_it_accepts(
    folder: Callable[..., Path],
) -> None:
    with pytest.raises(CalibrationFault, match=r"VER_FMR .* accepted: 2\.0e-05 or more"):
        _load(folder(), fmr=1e-5)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"format": 1}', '{"format": 1, "models": {"Dlib": "0123456789abcdef"}, "sim_funcs": {"cosine": {}}}'],
)
def test_that_a_broken_calibration_file_is_refused_and_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.json").write_text(text, encoding="utf-8")
    with pytest.raises(CalibrationFault, match=r"mine\.json cannot be read"):
        _load(tmp_path)
