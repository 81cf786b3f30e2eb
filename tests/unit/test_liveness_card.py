"""The card of a liveness model: what it says, and what is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codes_dict import Code, Refusal
from pipeline.models.liveness.card import SEED_CARD, View, parse_card, read_card
from pipeline.models.liveness.cnn import Cnn, calibrated
from pipeline.models.liveness.views import cut_view, network_inputs
from pipeline.types import Box

GOOD: dict[str, Any] = {
    "format": 1,
    "sha256": "ab" * 32,
    "input": {
        "views": [{"size": 112, "scale": 1.15, "square": True, "fill": 0}],
        "colour": "RGB",
        "factor": 0.5,
        "offset": -1,
    },
    "output": {
        "count": 3,
        "activation": "probability",
        "spoof": [1, 2],
        "kinds": {"1": "screen"},
        "threshold": 0.6,
        "live": 0.4,
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the good card with one entry changed; None removes it."""
    card = copy.deepcopy(GOOD)
    *parents, last = path.split(".")
    place = card
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return card


def test_a_card_is_read_as_it_is_written() -> None:
    card = parse_card(GOOD)
    assert (card.views, card.colour, card.spoof, card.threshold) == ((View(112, 1.15, True, 0),), "RGB", (1, 2), 0.6)


def test_a_model_without_a_card_is_read_by_the_older_convention(tmp_path: Path) -> None:
    card = read_card(tmp_path / "model.h5")
    assert card is SEED_CARD
    assert (card.views[0].size, card.colour, card.factor, card.threshold) == (224, "BGR", 1.0, 0.7)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 2),
        ("sha256", "xyz"),
        ("input.views", []),
        ("input.colour", "GREY"),
        ("input.factor", float("nan")),
        ("input", None),
        ("output.spoof", [3]),
        ("output.spoof", []),
        ("output.spoof", [1, 1]),
        ("output.count", True),
        ("output.threshold", 1.2),
        ("output.live", 0.7),
        ("output.kinds", {"7": "mask"}),
        ("output.slope", -1),
        ("output.decisive", [2]),
        ("output.around", 3),
        ("output.around", 1),
        ("input.views", [{"size": 112, "scale": 1.15, "inside": 1}]),
    ],
)
def test_a_card_with_a_fault_is_refused(tmp_path: Path, path: str, value: object) -> None:
    (tmp_path / "model.json").write_text(json.dumps(changed(path, value)))
    with pytest.raises(Refusal) as refusal:
        read_card(tmp_path / "model.h5")
    assert refusal.value.code is Code.NO_LIVENESS


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}'])
def test_a_card_that_is_not_a_card_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(Refusal, match=r"model\.json"):
        read_card(tmp_path / "model.h5")


def test_a_view_reaches_over_the_edge_of_the_photo_with_its_fill_value() -> None:
    photo = np.full((20, 20, 3), 200, np.uint8)
    view = cut_view(photo, Box(0, 0, 20, 20), View(size=40, scale=2.0, fill=7))
    assert view[0, 0].tolist() == [7, 7, 7]
    assert view[20, 20].tolist() == [200, 200, 200]
    assert float((view == 200).mean()) == 0.25


@pytest.mark.parametrize("place", [(0, 0), (10, 4), (30, 30)])
def test_a_view_that_stays_inside_is_shrunk_and_moved_until_it_fills_nothing(place: tuple[int, int]) -> None:
    photo = np.full((40, 60, 3), 200, np.uint8)
    photo[:, :, 0] = np.arange(60)
    view = cut_view(photo, Box(*place, 10, 10), View(size=40, scale=3.0, fill=7, inside=True))
    assert (view[..., 1] == 200).all()
    assert int(view[0, -1, 0]) - int(view[0, 0, 0]) == pytest.approx(29, abs=1)
    whole = cut_view(photo, Box(*place, 10, 10), View(size=40, scale=8.0, fill=7, inside=True))
    assert int(whole[0, -1, 0]) - int(whole[0, 0, 0]) == pytest.approx(39, abs=1)


def test_a_box_far_outside_gives_the_fill_value_alone() -> None:
    photo = np.full((20, 20, 3), 200, np.uint8)
    assert set(cut_view(photo, Box(500, 500, 20, 20), View(size=16, scale=1.0, fill=3)).ravel().tolist()) == {3}


def test_inputs_take_the_colour_order_and_scaling_of_the_card() -> None:
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[..., 0] = 255
    (seed,) = network_inputs([photo], [Box(0, 0, 32, 32)], SEED_CARD)
    (ours,) = network_inputs([photo], [Box(8, 8, 8, 8)], parse_card(GOOD))
    assert seed.shape == (1, 224, 224, 3)
    assert seed[0, 100, 100].tolist() == [0, 0, 255]
    assert ours[0, 50, 50].tolist() == [126.5, -1, -1]


def test_a_box_knows_how_far_a_photo_reaches_around_it() -> None:
    assert Box(0, 0, 50, 50).reach(np.zeros((101, 301, 3), np.uint8)) == 2.0


def test_the_score_is_the_sum_of_the_columns_that_mean_an_attack() -> None:
    raw = np.array([[0.7, 0.2, 0.1]], np.float32)
    assert calibrated(raw, parse_card(GOOD))[0] == pytest.approx(0.3)


def test_a_decisive_column_is_left_out_of_the_score_even_where_it_holds_nearly_all() -> None:
    card = parse_card(changed("output", {**GOOD["output"], "spoof": [1], "decisive": [2]}))
    raw = np.array([[0.3, 0.1, 0.6], [0.0, 3e-6, 0.99999997]], np.float32)
    assert calibrated(raw, card).tolist() == pytest.approx([0.25, 1.0])


def test_the_column_around_counts_where_the_photo_shows_the_surroundings() -> None:
    card = parse_card(changed("output", {**GOOD["output"], "spoof": [1], "around": 2}))
    cnn = Cnn(card, lambda inputs: [np.repeat(np.array([[0.9, 0.1, 0.8]], np.float32), len(inputs[0]), axis=0)])
    photo = np.zeros((100, 100, 3), np.uint8)
    boxes = [Box(0, 0, side, side) for side in (90, 60, 70.714)]
    assert cnn.score([photo] * 3, boxes).attack.tolist() == pytest.approx([0.1, 0.8, 0.4], abs=1e-3)


def test_calibration_moves_the_log_odds() -> None:
    card = parse_card(changed("output.intercept", 1.0))
    even = np.array([[0.5, 0.5, 0.0]], np.float32)
    assert calibrated(even, card)[0] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-5)


def test_an_output_that_is_no_probability_is_refused() -> None:
    with pytest.raises(Refusal, match="not a probability"):
        calibrated(np.array([[0.0, 3.0, 0.0]], np.float32), parse_card(GOOD))
