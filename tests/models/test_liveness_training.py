"""The liveness network, from its fixed part to a file that the server loads."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.models.liveness import load_judge
from pipeline.models.liveness.fasnet import FasnetScores
from pipeline.types import Box, Detection, Pixels
from tools.training.calibrate import LeftOut, figures
from tools.training.cards import CARD, save_model
from tools.training.evaluate import judges_of, measure
from tools.training.make import measured
from tools.training.network import (
    COLUMNS,
    STAGES,
    TEXTURE,
    VIEWS,
    HeadKind,
    assemble,
    build_head,
    build_statistics,
)
from tools.training.read import Readings
from tools.training.samples import Arrays, scaled
from tools.training.scene import cut_scene
from tools.training.sources import Item, Sample, spoof_items
from tools.training.train import Head, Plan, Table, best_epoch, train_all, train_fold

pytestmark = pytest.mark.models
SIDE = VIEWS[0].size


@cache
def minifasnet() -> Any:
    """Return MiniFASNetV2 as DeepFace builds it, with random weights that are always the same."""
    from deepface.models.spoofing.tf import FasNetBackbone

    network = FasNetBackbone.MiniFASNetV2(conv6_kernel=(5, 5))
    rng = np.random.default_rng(7)
    for layer in network.layers:
        shapes = [weights.shape for weights in layer.get_weights()]
        if type(layer).__name__ == "BatchNormalization":
            layer.set_weights([rng.uniform(0.5, 1.5, shape) for shape in shapes])
        else:
            layer.set_weights([rng.normal(0, np.prod(shape[:-1]) ** -0.5, shape) for shape in shapes])
    return network


@cache
def statistics_of() -> Any:
    """Return the fixed part around it."""
    return build_statistics(minifasnet())


def face_views(count: int, *, rough: bool, seed: int) -> Pixels:
    """Return smooth pictures, or the same with a fine grid laid over them."""
    rng = np.random.default_rng(seed)
    small = rng.integers(60, 200, (count, 8, 8, 3), dtype=np.uint8)
    views = np.stack([cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for one in small])
    if rough:
        grid = (np.indices((SIDE, SIDE)).sum(axis=0) % 2 * 24).astype(np.uint8)
        views = np.clip(views.astype(int) + grid[None, :, :, None], 0, 255).astype(np.uint8)
    return views


def both_views(faces: Pixels) -> tuple[Pixels, Pixels]:
    """Return what the network is given of faces: the view itself, and as if it were the box alone."""
    side = VIEWS[1].size
    boxes = np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in faces])
    return faces, np.asarray(boxes, np.uint8)


def network_of(heads: list[Head]) -> Any:
    """Return the whole network."""
    return assemble(statistics_of(), [(head.kind, head.network) for head in heads])


@pytest.fixture(scope="module")
def table() -> Table:
    faces = np.concatenate([face_views(40, rough=False, seed=1), face_views(40, rough=True, seed=2)])
    allowed = np.repeat(np.array([[1, 0, 0, 0], [0, 1, 1, 0]], np.float32), 40, axis=0)
    groups = np.repeat(np.arange(4, dtype=np.int32), 20)
    return measured(statistics_of(), Arrays(both_views(faces), allowed, groups))


def test_the_copied_stages_answer_as_the_network_itself_does() -> None:
    network = minifasnet()
    views = [scaled(view) for view in both_views(face_views(3, rough=True, seed=6))]
    own = np.asarray(statistics_of()(views)[STAGES])
    last = type(network)(network.input, network.get_layer("conv_5_model_1_add").output)
    answers = np.asarray(last(views[1]))
    expected = np.concatenate([answers.mean(axis=(1, 2)), np.square(answers).mean(axis=(1, 2))], axis=1)
    assert own.shape[0] == 3
    np.testing.assert_allclose(own[:, -expected.shape[1] :], expected, rtol=1e-3, atol=1e-4)


def test_textures_are_shares_and_a_flat_picture_has_none() -> None:
    flat = [np.zeros((1, view.size, view.size, 3), np.float32) for view in VIEWS]
    out = np.asarray(statistics_of()(flat)[TEXTURE])
    assert float(out.min()) >= 0
    assert float(out.max()) <= 1
    assert np.abs(out[0, :704]).max() < 1e-4


def test_the_fixed_part_is_not_trained() -> None:
    assert not statistics_of().trainable_variables


def test_heads_learn_a_grid_and_tell_it_on_faces_that_they_have_not_seen(table: Table) -> None:
    plan = Plan(epochs=3, steps=20, batch=32, heads=1)
    heads, losses = train_all(table, np.full(4, 0.25), 3, plan)
    network = network_of(heads)
    fresh = np.concatenate([face_views(10, rough=False, seed=3), face_views(10, rough=True, seed=4)])
    live = np.asarray(network([scaled(view) for view in both_views(fresh)]))[:, 0]
    assert losses[-1] < losses[0]
    assert (live[:10] > 0.5).all()
    assert (live[10:] < 0.5).all()


def test_training_again_with_the_same_seed_gives_the_same_losses(table: Table) -> None:
    plan = Plan(epochs=2, steps=5, batch=16, heads=1)
    first, again = (train_all(table, np.full(4, 0.25), 2, plan)[1] for _ in range(2))
    assert first == again


def test_a_fold_scores_after_each_epoch_and_stops_when_left_out_faces_gain_nothing(table: Table) -> None:
    plan = Plan(epochs=6, steps=5, batch=16, heads=1, patience=1)
    turned = Table(table.statistics[:60], np.roll(table.allowed, 40, axis=0)[:60], table.groups[:60], table.widths)
    fold = train_fold(table, np.array([0.25] * 4), table.statistics[:7], turned, plan)
    assert fold.scores.shape == (len(fold.left_out), 67)
    assert len(fold.left_out) < 6
    assert best_epoch([fold]) == int(np.argmin(fold.left_out)) + 1


def test_a_saved_network_is_loaded_by_its_card_and_judges(tmp_path: Path, table: Table) -> None:
    heads, _ = train_all(table, np.full(4, 0.25), 1, Plan(epochs=1, steps=2, batch=16, heads=1))
    path = tmp_path / "made.h5"
    card = save_model(network_of(heads), CARD, {"made": {"by": "a test"}}, path)
    assert path.stat().st_size < 4_000_000
    assert json.loads(path.with_suffix(".json").read_text())["made"] == {"by": "a test"}
    assert card.outputs == len(COLUMNS)
    assert load_judge(["cnn"], path, None, tmp_path).cnn is not None


def test_a_head_sees_no_statistic_further_than_six_spreads_away() -> None:
    head = build_head(HeadKind(STAGES, 32), np.zeros(4, np.float32), np.ones(4, np.float32), 1)
    near, far = (np.asarray(head(np.full((1, 4), value, np.float32))) for value in (6.0, 6000.0))
    assert near == pytest.approx(far)


def left_out(count: int = 120) -> LeftOut:
    rng = np.random.default_rng(9)
    scene = cut_scene(face_views(1, rough=False, seed=5)[0], Box(10, 10, 90, 90))
    samples = []
    for index in range(count):
        item = Item(Path(f"{index}.jpg"), -1, index % 2 == 1, f"source_{index % 6 // 2}")
        samples.append(Sample(item, scene, Box(10, 10, 90, 90)))
    attack = np.array([one.item.attack for one in samples])
    raw = np.clip(np.where(attack, 0.8, 0.4) + rng.normal(0, 0.05, count), 0.01, 0.99)
    missed = [Item(Path("m.jpg"), -1, False, "source_0")] * 4
    even = FasnetScores(np.full((count, 2, 3), 1 / 3, np.float32), np.full((count, 3), 1 / 3, np.float32))
    readings = Readings(even, np.zeros(count, np.float32), np.full(count, 1.0, np.float32), {})
    return LeftOut(samples, raw.astype(np.float32), readings, missed)


def test_the_cards_figures_count_faces_that_were_not_found() -> None:
    rates = figures(left_out(), CARD)["cnn"]["left_out_sources"]
    assert (rates["apcer"], rates["attacks"]) == (0.0, 60)
    assert (rates["bona_fide_nonresponse"], rates["bpcer"]) == (0.0625, 0.0625)


class WholeFace:
    """A detector that takes the whole picture for a face, unless it is black."""

    def detect(self, photos: list[Pixels]) -> list[list[Detection]]:
        marks = np.array([[40, 45], [80, 45], [60, 65], [45, 90], [75, 90]], np.float32)
        return [[Detection(Box(7.3, 7.3, 97.4, 97.4), marks, 0.99)] if one.any() else [] for one in photos]


def test_a_folder_is_measured_per_engine_and_missing_faces_count(tmp_path: Path, table: Table) -> None:
    for place, rough in (("s/bona_fide", False), ("s/attack", True)):
        (tmp_path / place).mkdir(parents=True)
        for index, view in enumerate(face_views(6, rough=rough, seed=8)):
            cv2.imwrite(str(tmp_path / place / f"{index}.png"), view)
        cv2.imwrite(str(tmp_path / place / "black.png"), np.zeros((SIDE, SIDE, 3), np.uint8))
    heads, _ = train_all(table, np.full(4, 0.25), 3, Plan(epochs=3, steps=20, batch=32, heads=1))
    save_model(network_of(heads), CARD, {}, tmp_path / "made.h5")
    judge = load_judge(["cnn"], tmp_path / "made.h5", None, tmp_path)
    found = measure(spoof_items(tmp_path), WholeFace(), judges_of(judge), lambda line: None).as_json()  # type: ignore[arg-type]
    rates = found["cnn"]
    assert isinstance(rates, dict)
    assert (rates["apcer"], rates["attack_nonresponse"]) == (0.0, round(1 / 7, 4))
    assert (rates["bpcer"], rates["bona_fide_nonresponse"]) == (round(1 / 7, 4), round(1 / 7, 4))
