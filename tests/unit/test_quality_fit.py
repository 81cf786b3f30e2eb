"""Fitting the quality score: limits, utilities, and the measure of how many errors the worst photos carry."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pipeline.stages.quality.score import Term, shipped
from pipeline.types import Box, Detection
from tools.evaluation.brisque import PACKAGES, BrisqueUnavailable, brisque_scores
from tools.evaluation.degrade import DEGRADATIONS, exposed
from tools.evaluation.quality import fnmr_drop
from tools.evaluation.quality_data import Faces, Measurements, load
from tools.evaluation.quality_fit import RULES, Rule, fit_limit, fit_linear, fit_utility, folds_of

FACE = Detection(Box(40, 30, 60, 80), np.array([[55, 60], [85, 60], [70, 75], [58, 92], [82, 92]], np.float32), 0.99)


def test_a_limit_is_as_lenient_as_it_may_be_while_it_stops_its_copies() -> None:
    portraits, copies = np.linspace(10, 20, 1001), np.linspace(0, 12, 1001)
    limit = fit_limit(Rule("kind", higher=True), portraits, copies)
    assert limit.threshold == 11.7
    assert abs(float(np.mean(copies <= limit.threshold)) - 0.975) < 0.002
    assert limit.worst < limit.threshold < limit.fine


def test_copies_without_a_face_count_as_stopped() -> None:
    portraits, copies = np.linspace(10, 20, 1001), np.linspace(0, 12, 1001)
    half_found = np.where(np.arange(1001) % 2 == 0, copies, math.nan)
    assert fit_limit(Rule("kind", True), portraits, half_found).threshold == 11.4


def test_a_limit_moves_into_the_gap_between_copies_and_portraits() -> None:
    portraits, copies = np.full(100, 10.0), np.full(100, 2.0)
    assert fit_limit(Rule("kind", True, margin=0.25), portraits, copies).threshold == 4.0
    assert fit_limit(Rule("kind", True), portraits, copies).threshold == 2.0


def test_where_less_is_better_the_limit_stands_the_other_way_round() -> None:
    portraits, copies = np.linspace(0, 1, 1001), np.linspace(0.9, 3, 1001)
    limit = fit_limit(Rule("kind", higher=False), portraits, copies)
    assert limit.worst > limit.threshold > limit.fine
    assert limit.threshold == 0.9525


def test_a_limit_without_copies_spares_the_asked_share_of_portraits() -> None:
    limit = fit_limit(Rule(None, higher=False, spared=0.9), np.linspace(0, 100, 1001), np.array([]))
    assert limit.threshold == 90.0


def test_the_shipped_limits_are_those_that_the_rules_name() -> None:
    assert set(shipped().limits) == set(RULES)
    assert shipped().limits["InterEyeDistance"].threshold == 24.0


def test_the_linear_model_separates_classes_of_unequal_size() -> None:
    rng = np.random.default_rng(0)
    features = np.vstack([rng.normal(0, 0.1, (900, 3)), rng.normal([1, 0, 0], 0.1, (100, 3))])
    positive = np.arange(1000) >= 900
    weights, bias = fit_linear(features, positive)
    assert ((features @ weights + bias > 0) == positive).mean() == 1.0


def test_the_utility_finds_what_makes_comparisons_fail_and_leaves_out_what_does_not() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, (400, 2))
    left, right = rng.integers(0, 400, 8000), rng.integers(0, 400, 8000)
    chance = 1 / (1 + np.exp(-(3 + 1.2 * (values[left, 0] + values[right, 0]))))
    utility = fit_utility(("Sharpness", "Useless"), values, left, right, rng.random(8000) < chance)
    assert abs(utility.terms["Sharpness"].weight - 1.2) < 0.2
    assert abs(utility.terms["Useless"].weight) < 0.1
    assert min(min(term.weight, term.tail) for term in utility.terms.values()) >= 0


def test_no_weight_says_that_worse_is_better() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, (300, 1))
    left, right = rng.integers(0, 300, 4000), rng.integers(0, 300, 4000)
    success = rng.random(4000) < 1 / (1 + np.exp(values[left, 0] + values[right, 0] - 2))
    assert fit_utility(("Sharpness",), values, left, right, success).terms["Sharpness"].weight == 0.0


def test_all_photos_of_a_person_are_in_one_fold() -> None:
    person = np.repeat(np.arange(200), 3)
    fold = folds_of(person)
    assert (fold.reshape(200, 3) == fold[::3, None]).all()
    assert set(fold.tolist()) == {0, 1, 2, 3, 4}


def people_with_bad_photos() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """300 people with two photos each; every tenth photo fails to match. Returns person, badness, pair scores."""
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(300), 2)
    bad = np.arange(600) % 10 == 0
    left, right = np.triu_indices(600, 1)
    scores = rng.normal(1.0, 0.05, len(left))
    same = person[left] == person[right]
    scores[same] = np.where(bad[left[same]] | bad[right[same]], 1.2, 0.2)
    return person, bad, scores.astype(np.float32)


def test_leaving_out_the_photos_that_fail_takes_all_false_non_matches_away() -> None:
    person, bad, scores = people_with_bad_photos()
    assert fnmr_drop(-bad.astype(float), person, scores) == 1.0


def test_leaving_out_good_photos_makes_the_rate_worse() -> None:
    person, bad, scores = people_with_bad_photos()
    others = np.roll(bad, 2).astype(float)
    assert round(fnmr_drop(-others, person, scores) or 0.0, 6) == -0.25


def test_without_errors_no_drop_is_claimed() -> None:
    person, bad, scores = people_with_bad_photos()
    left, right = np.triu_indices(600, 1)
    scores[person[left] == person[right]] = 0.2
    assert fnmr_drop(-bad.astype(float), person, scores) is None


def test_measurements_are_read_as_they_were_written(tmp_path: Path) -> None:
    faces = Faces(np.eye(2), np.ones((2, 3), np.float32), np.array([0, 1]), {"A": np.ones((2, 4), np.float32)})
    Measurements(("x", "y"), faces, {"blur": faces}).save(tmp_path / "measured.npz")
    again = load(tmp_path / "measured.npz")
    assert (again.names, list(again.copies)) == (("x", "y"), ["blur"])
    assert (again.copies["blur"].values == np.eye(2)).all()
    assert again.portraits.embeddings["A"].shape == (2, 4)


@pytest.mark.parametrize("kind", list(DEGRADATIONS))
def test_a_degraded_copy_differs_leaves_the_photo_alone_and_is_the_same_for_the_same_seed(kind: str) -> None:
    photo = np.random.default_rng(4).integers(0, 256, (160, 140, 3), dtype=np.uint8)
    before = photo.copy()
    once, again = (DEGRADATIONS[kind](photo, FACE, np.random.default_rng(9)) for _ in range(2))
    assert (photo == before).all()
    assert (once == again).all()
    assert (str(once.dtype), once.shape[2]) == ("uint8", 3)
    assert once.shape != photo.shape or (once != photo).any()


def test_exposure_is_changed_in_linear_light() -> None:
    grey = np.array([[[188, 0, 255]]], dtype=np.uint8)
    assert exposed(grey, -1.0).tolist() == [[[137, 0, 188]]]
    assert exposed(grey, 1.0).tolist() == [[[255, 0, 255]]]


def fake_environment(folder: Path, script: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "packages.txt").write_text("\n".join(PACKAGES))
    (folder / "bin" / "python").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bin" / "python").chmod(0o755)
    return folder


def test_brisque_runs_in_an_environment_of_its_own(tmp_path: Path) -> None:
    environment = fake_environment(tmp_path / "there", "cat > /dev/null; echo '[41.5, 12]'")
    assert brisque_scores([Path("a.jpg"), Path("b.jpg")], environment) == [41.5, 12.0]


def test_brisque_that_fails_is_said_to_be_unavailable(tmp_path: Path) -> None:
    environment = fake_environment(tmp_path / "there", "echo no libsvm >&2; exit 3")
    with pytest.raises(BrisqueUnavailable, match="brisque failed: no libsvm"):
        brisque_scores([Path("a.jpg")], environment)


def test_terms_of_the_shipped_utilities_never_punish_what_is_better() -> None:
    terms: list[Term] = [term for utility in shipped().utilities for term in utility.terms.values()]
    assert min(min(term.weight, term.tail) for term in terms) >= 0
