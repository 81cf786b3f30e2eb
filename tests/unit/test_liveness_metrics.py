"""Error rates of presentation attack detection, on cases that can be counted by hand."""

from __future__ import annotations

import math

import pytest

from tools.training.metrics import Presentation, Rate, as_json, bpcer_at, by_kind, report


def shown(attack: bool, accepted: bool, score: float | None, source: str = "s", kind: str = "screen") -> Presentation:
    responded = score is not None
    return Presentation(source, attack, kind if attack else "", accepted, responded, score)


ATTACKS = [shown(True, False, 0.9), shown(True, True, 0.2), shown(True, False, None), shown(True, False, 0.7)]
BONA_FIDE = [shown(False, True, 0.1), shown(False, False, 0.8), shown(False, False, None), shown(False, True, 0.3)]


def test_an_attack_without_a_face_is_rejected_and_a_bona_fide_one_is_an_error() -> None:
    found = report([*ATTACKS, *BONA_FIDE])
    assert (found.apcer.share, found.bpcer.share, found.acer) == (0.25, 0.5, 0.375)
    assert (found.attack_nonresponse.share, found.bona_fide_nonresponse.share) == (0.25, 0.25)


def test_bpcer_at_a_fixed_apcer_counts_missing_faces_as_rejected() -> None:
    assert bpcer_at([*ATTACKS, *BONA_FIDE], 0.0) == 0.75
    assert bpcer_at([*ATTACKS, *BONA_FIDE], 0.25) == 0.5


def test_a_source_without_attacks_has_no_apcer_and_its_bpcer_as_mean() -> None:
    found = report(BONA_FIDE)
    assert math.isnan(found.apcer.share)
    assert found.acer == 0.5


def test_the_worst_kind_of_attack_is_the_headline() -> None:
    rows = [*ATTACKS, shown(True, True, 0.1, kind="print"), *BONA_FIDE]
    assert {kind: rate.share for kind, rate in by_kind(rows).items()} == {"screen": 0.25, "print": 1.0}
    worst = as_json(rows)["apcer_worst_kind"]
    assert (worst["kind"], worst["apcer"], worst["attacks"]) == ("print", 1.0, 1)


def test_json_has_the_keys_that_readers_rely_on() -> None:
    data = as_json([*ATTACKS, *BONA_FIDE])
    wanted = {"apcer", "bpcer", "acer", "attack_nonresponse", "bona_fide_nonresponse", "per_source"}
    assert wanted <= set(data)
    assert data["per_source"]["s"]["acer"] == 0.375


def test_wilsons_interval_of_5_in_50_is_4_3_to_21_4_percent() -> None:
    low, high = Rate(5, 50).interval
    assert low == pytest.approx(0.0435, abs=5e-4)
    assert high == pytest.approx(0.2136, abs=5e-4)
