"""The liveness network, from what it learns to a file that the server loads."""

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
from tools.training.calibrate import LeftOut, figures, offset_of
from tools.training.cards import CARD, save_model
from tools.training.evaluate import judges_of, measure
from tools.training.lessons import Lessons, Origin
from tools.training.make import Plans, make_model, measured
from tools.training.network import COLUMNS, FACE_VIEW, around_odds, assemble, build_head, build_statistics
from tools.training.samples import Arrays
from tools.training.scene import cut_scene
from tools.training.sources import Item, Sample, spoof_items
from tools.training.teachers import Readings
from tools.training.train import Plan, Table, best_epoch, train_all, train_fold
from tools.training.trunk import AROUND_VIEW, LESSON_VIEW, TrunkPlan, build_trunk, train_trunk, trunk_outputs

pytestmark = pytest.mark.models
SIDE = FACE_VIEW.size


@cache
def statistics_of() -> Any:
    """Return what counts the heads' shares."""
    return build_statistics()


def face_views(count: int, *, rough: bool, seed: int) -> Pixels:
    """Return smooth pictures, or the same with a fine grid laid over them."""
    rng = np.random.default_rng(seed)
    small = rng.integers(60, 200, (count, 8, 8, 3), dtype=np.uint8)
    views = np.stack([cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for one in small])
    if rough:
        grid = (np.indices((SIDE, SIDE)).sum(axis=0) % 2 * 24).astype(np.uint8)
        views = np.clip(views.astype(int) + grid[None, :, :, None], 0, 255).astype(np.uint8)
    return views


def network_of(heads: list[Any]) -> Any:
    """Return the whole network, its trunk untrained."""
    return assemble(build_trunk(1), statistics_of(), heads, 0.0)


def lessons(count: int = 48) -> Lessons:
    """Return lessons of which every other is an attack, with a frame around it."""
    views = np.repeat(face_views(count, rough=False, seed=11)[:, :1, :1], LESSON_VIEW.size, axis=1)
    views = np.ascontiguousarray(np.repeat(views, LESSON_VIEW.size, axis=2))
    views[:, 30:66, 30:66] = face_views(count, rough=False, seed=12)[:, 30:66, 30:66]
    views[1::2, 24:72, 24:30] = views[1::2, 24:72, 66:72] = 0
    attack = np.arange(count) % 2 == 1
    odds = np.repeat(np.where(attack, 5.0, -5.0)[:, None], 3, axis=1).astype(np.float32)
    origins = tuple(Origin("portraits", "", "presented" if one else "photo", bool(one)) for one in attack)
    return Lessons(views, odds, attack.astype(np.float32), np.ones(count, np.float32), origins)


@pytest.fixture(scope="module")
def table() -> Table:
    faces = np.concatenate([face_views(40, rough=False, seed=1), face_views(40, rough=True, seed=2)])
    allowed = np.repeat(np.array([[1, 0, 0, 0], [0, 1, 1, 0]], np.float32), 40, axis=0)
    groups = np.repeat(np.arange(4, dtype=np.int32), 20)
    return measured(statistics_of(), Arrays(faces, allowed, groups))


def test_textures_are_shares_and_a_flat_picture_has_none() -> None:
    out = np.asarray(statistics_of()(np.zeros((1, SIDE, SIDE, 3), np.float32)))
    assert float(out.min()) >= 0
    assert float(out.max()) <= 1
    assert np.abs(out[0, :704]).max() < 1e-4


def test_a_trunk_learns_what_is_around_a_face_and_the_same_plan_gives_the_same_trunk() -> None:
    given, plan = lessons(), TrunkPlan(steps=60, batch=16)
    first, again = (train_trunk(given, given.shares(()), plan, lambda line: None) for _ in range(2))
    for one, other in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    views = np.stack([cv2.resize(one, (AROUND_VIEW.size, AROUND_VIEW.size)) for one in given.around])
    odds = around_odds(trunk_outputs(first, views))
    assert float(np.median(odds[1::2])) > float(np.median(odds[::2])) + 2


def test_the_fixed_part_is_not_trained() -> None:
    assert not statistics_of().trainable_variables


def test_heads_learn_a_grid_and_tell_it_on_faces_that_they_have_not_seen(table: Table) -> None:
    plan = Plan(epochs=3, steps=20, batch=32, heads=1)
    heads, losses = train_all(table, np.full(4, 0.25), 3, plan)
    network = network_of(heads)
    fresh = np.concatenate([face_views(10, rough=False, seed=3), face_views(10, rough=True, seed=4)])
    live = np.asarray(network([fresh.astype(np.float32), np.zeros((20, 80, 80, 3), np.float32)]))[:, 0]
    assert losses[-1] < losses[0]
    assert (live[:10] > 0.5).all()
    assert (live[10:] < 0.5).all()


def test_training_again_with_the_same_seed_gives_the_same_losses(table: Table) -> None:
    plan = Plan(epochs=2, steps=5, batch=16, heads=1)
    first, again = (train_all(table, np.full(4, 0.25), 2, plan)[1] for _ in range(2))
    assert first == again


def test_a_fold_scores_after_each_epoch_and_stops_when_left_out_faces_gain_nothing(table: Table) -> None:
    plan = Plan(epochs=6, steps=5, batch=16, heads=1, patience=1)
    turned = Table(table.statistics[:60], np.roll(table.allowed, 40, axis=0)[:60], table.groups[:60])
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


def test_a_network_that_its_file_does_not_keep_is_not_saved(tmp_path: Path) -> None:
    import keras
    from keras import layers

    view = layers.Input((8, 8, 3))
    even = layers.LayerNormalization(axis=[1, 2, 3], center=False, scale=False)(view)
    network = keras.Model(view, layers.GlobalMaxPooling2D()(even))
    with pytest.raises(ValueError, match="other outputs"):
        save_model(network, CARD, {}, tmp_path / "made.h5")
    assert not (tmp_path / "made.h5").exists()


def test_a_head_sees_no_statistic_further_than_six_spreads_away() -> None:
    head = build_head(32, np.zeros(4, np.float32), np.ones(4, np.float32), 1)
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
    voted = np.clip(np.where(attack, 0.8, 0.4) + rng.normal(0, 0.05, count), 0.01, 0.99).astype(np.float32)
    missed = [Item(Path("m.jpg"), -1, False, "source_0")] * 4
    even = FasnetScores(np.full((count, 2, 3), 1 / 3, np.float32), np.full((count, 3), 1 / 3, np.float32))
    readings = Readings(even, np.zeros(count, np.float32), np.full(count, 1.0, np.float32))
    return LeftOut(samples, voted, np.zeros(count, np.float32), readings, missed)


def test_the_cards_figures_count_faces_that_were_not_found() -> None:
    rates = figures(left_out())["cnn"]["left_out_sources"]
    assert (rates["apcer"], rates["attacks"]) == (0.0, 60)
    assert (rates["bona_fide_nonresponse"], rates["bpcer"]) == (0.0625, 0.0625)


def test_two_of_a_hundred_portraits_lie_above_the_offset_and_nothing_else_counts() -> None:
    scene = cut_scene(face_views(1, rough=False, seed=5)[0], Box(10, 10, 90, 90))
    sources = ["portraits"] * 100 + ["source_1"] * 100
    samples = [Sample(Item(Path("x.jpg"), -1, False, one), scene, Box(10, 10, 90, 90)) for one in sources]
    odds = np.arange(200, dtype=np.float32)
    assert (odds[:100] > offset_of(odds, samples)).sum() == 2
    assert offset_of(odds[100:], samples[100:]) == 0


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


def test_two_trainings_on_a_few_pictures_give_the_same_file(tmp_path: Path, shared_data: Path) -> None:
    data, made = tmp_path / "data", []
    for place in (
        "spoof/source_1/bona_fide",
        "spoof/source_1/attack",
        "spoof/source_5/bona_fide",
        "spoof/source_5/attack",
    ):
        (data / place).mkdir(parents=True)
        for path in sorted((shared_data / "data" / place).iterdir())[:3]:
            (data / place / path.name).symlink_to(path)
    (data / "lfw" / "images").mkdir(parents=True)
    for path in sorted((shared_data / "data" / "lfw" / "images").iterdir())[:7]:
        (data / "lfw" / "images" / path.name).symlink_to(path)
    for name, with_figures in (("first", True), ("again", False)):
        plans = Plans(TrunkPlan(steps=3, batch=8), Plan(epochs=1, steps=2, batch=8, heads=1), with_figures)
        out = tmp_path / f"{name}.h5"
        make_model(data, out, shared_data / "weights", tmp_path, plans, lambda line: None)
        made.append(out.read_bytes())
    assert made[0] == made[1]
    assert set(json.loads((tmp_path / "first.json").read_text())["reaches"]) > {"cnn", "cnn,fasnet,facenox"}
