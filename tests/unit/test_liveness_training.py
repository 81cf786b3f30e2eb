"""What the liveness network is trained on: scenes, simulated attacks, and folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.types import Box, Detection, Pixels
from tools.training.attacks import on_paper, on_screen, simulate
from tools.training.camera import photograph
from tools.training.composed import presented
from tools.training.folds import LIVE, Group, Pool, clips_apart
from tools.training.lessons import CLUTTER, PRESENTED, Lessons, Origin
from tools.training.network import FACE_VIEW, KINDS
from tools.training.samples import Arrays, augmented, plain, simulated, sketched
from tools.training.scene import CANVAS, FACE, Scene, cut_scene, cut_to_reach, mirrored, tighten
from tools.training.sources import Item, Sample, bordered_photo, find_faces, spoof_items
from tools.training.surroundings import cluttered, extended


def photo() -> Pixels:
    """Return a coloured pattern of 400 x 300 with structure at every scale."""
    y, x = np.mgrid[0:400, 0:300]
    waves = [np.sin(x / 7 + y / (9 + c)) * 60 + np.sin(x * y / 900) * 40 + 120 for c in range(3)]
    return np.asarray(np.clip(np.stack(waves, axis=-1), 0, 255), dtype=np.uint8)


def scene() -> Scene:
    return cut_scene(photo(), Box(100, 120, 100, 130))


def sample(attack: bool, source: str) -> Sample:
    return Sample(Item(Path("x.jpg"), -1, attack, source), scene(), Box(100, 120, 100, 130))


def test_a_scene_shows_the_face_at_one_size() -> None:
    assert scene().box.height == pytest.approx(FACE)
    assert scene().pixels.shape[1] == round(300 * FACE / 130)


def test_a_mirrored_scene_mirrors_the_box_too() -> None:
    one = scene()
    twice = mirrored(mirrored(one))
    assert (twice.pixels == one.pixels).all()
    assert mirrored(one).box.left == pytest.approx(one.pixels.shape[1] - one.box.left - one.box.width)


def test_a_tightened_scene_holds_the_face_and_little_else() -> None:
    tight = tighten(scene(), 1.2, np.random.default_rng(1))
    height, width = tight.pixels.shape[:2]
    assert height / tight.box.height < 1.5
    assert width / tight.box.width < 1.5


@pytest.mark.slow
@pytest.mark.parametrize("make", [on_screen, on_paper])
def test_every_simulated_attack_changes_the_face_and_is_made_again_from_its_seed(make: object) -> None:
    assert callable(make)
    for seed in range(25):
        first, again = (make(scene(), photo(), np.random.default_rng(seed)).pixels for _ in range(2))
        assert (first == again).all()
        assert np.abs(first.astype(int) - scene().pixels).mean() > 1
        assert first.shape == scene().pixels.shape


@pytest.mark.slow
def test_both_kinds_of_attack_are_simulated() -> None:
    rng = np.random.default_rng(2)
    assert {simulate(scene(), photo(), rng)[1] for _ in range(30)} == {"screen", "print"}


def test_the_camera_keeps_the_pictures_size() -> None:
    rng = np.random.default_rng(3)
    assert {photograph(photo(), rng).shape for _ in range(20)} == {(400, 300, 3)}


def test_labels_say_which_outputs_are_right() -> None:
    rng = np.random.default_rng(4)
    assert augmented([sample(False, "a")], 1, 0, rng, 0.5).allowed.tolist() == [[1, 0, 0, 0]]
    assert augmented([sample(True, "a")], 1, 0, rng, 0.5).allowed.tolist() == [[0, 1, 1, 0]]
    made = simulated([sample(False, "a")], 8, 0, rng, [photo()])
    assert {tuple(row) for row in made.allowed.tolist()} == {(0, 1, 0, 0), (0, 0, 1, 0)}
    assert sketched([sample(False, "a")], 0, rng).allowed.tolist() == [[0, 0, 0, 1]]


def test_the_heads_view_has_the_networks_size() -> None:
    assert plain([sample(False, "a")]).faces.shape == (1, FACE_VIEW.size, FACE_VIEW.size, 3)


@pytest.mark.parametrize("seed", range(6))
def test_a_presented_face_and_things_behind_a_person_are_made_again_from_their_seed(seed: int) -> None:
    rngs = [np.random.default_rng(seed) for _ in range(4)]
    held = [presented(scene(), scene(), photo(), rng) for rng in rngs[:2]]
    before = [cluttered(scene(), photo(), rng) for rng in rngs[2:]]
    for first, again in (held, before):
        assert (first.pixels == again.pixels).all()
        assert first.box.height == pytest.approx(FACE)


def test_things_behind_a_person_leave_the_face_as_it_is() -> None:
    bare = Scene(scene().pixels, scene().box)
    made = cluttered(bare, photo(), np.random.default_rng(1))
    left, top = (int(value) for value in np.array(bare.box.centre) - 30)
    assert (made.pixels[top : top + 30, left : left + 60] == bare.pixels[top : top + 30, left : left + 60]).all()
    assert (made.pixels != bare.pixels).any()


def test_an_extended_scene_fills_the_canvas_around_the_face() -> None:
    wide = extended(scene())
    assert wide.pixels.shape == (CANVAS, CANVAS, 3)
    assert wide.box.centre == pytest.approx((CANVAS / 2, CANVAS / 2), abs=0.5)


def test_a_scene_is_cut_to_a_reach_and_moved_into_what_there_is() -> None:
    for seed in range(20):
        cut = cut_to_reach(scene(), 1.6, np.random.default_rng(seed))
        height, width = cut.pixels.shape[:2]
        assert 1.5 * FACE < height < 1.9 * FACE
        assert width <= scene().pixels.shape[1]
        assert (cut.box.left >= 0, cut.box.left + cut.box.width <= width) == (True, True)


def test_a_left_out_source_is_neither_a_face_nor_a_room_of_a_lesson() -> None:
    origins = (
        Origin("portraits", "clip a", PRESENTED, True),
        Origin("portraits", "portraits", PRESENTED, True),
        Origin("clip a", "", CLUTTER, False),
        Origin("portraits", "", CLUTTER, False),
    )
    empty = np.zeros((4, 1, 1, 3), np.uint8)
    none = np.zeros(4, np.float32)
    lessons = Lessons(empty, np.zeros((4, 3), np.float32), none, none, origins)
    assert (lessons.shares(["clip a"]) > 0).tolist() == [False, True, False, True]
    assert lessons.shares(()).sum() == pytest.approx(1)


def test_clips_are_left_out_with_the_source_of_their_people_and_all_others_together() -> None:
    found = {"portraits", "source_1", "source_2", "clip Apfol_real2", "clip x", "clip y"}
    assert [sorted(apart & found) for apart in clips_apart(found)] == [
        ["clip Apfol_real2", "source_2"], ["clip x", "clip y"],
    ]  # fmt: skip


def test_a_left_out_source_is_never_drawn_nor_are_clips_of_its_people() -> None:
    names = ("source_1", "source_2", "clip Apfol_real2", "portraits")
    groups = tuple(Group(name, role) for name in names for role in (LIVE, "simulation"))
    empty = Arrays(np.zeros((0, 1, 1, 3), np.uint8), np.zeros((0, len(KINDS)), np.float32), np.zeros(0, np.int32))
    weights = Pool(empty, groups).weights(["source_2"])
    assert [group.source for group, weight in zip(groups, weights, strict=True) if weight > 0] == [
        "source_1", "source_1", "portraits", "portraits",
    ]  # fmt: skip
    live = np.array([group.role == LIVE for group in groups])
    assert weights[live].sum() == pytest.approx(0.5)


def test_sources_are_read_with_their_labels(tmp_path: Path) -> None:
    for place in ("a/bona_fide/1.png", "a/attack/2.webp", "b/bona_fide/3.jpg", "b/bona_fide/notes.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    rows = [(item.source, item.attack, item.path.name) for item in spoof_items(tmp_path)]
    assert rows == [("a", False, "1.png"), ("a", True, "2.webp"), ("b", False, "3.jpg")]


class NeedsBorder:
    """A detector that finds a face only in photos wider than 120 pixels."""

    def detect(self, photos: list[Pixels]) -> list[list[Detection]]:
        face = Detection(Box(30, 30, 50, 50), np.full((5, 2), 40, np.float32), 0.99)
        return [[face] if one.shape[1] > 120 else [] for one in photos]


def test_a_face_that_is_found_with_a_border_comes_back_in_the_photos_own_pixels() -> None:
    ((face,),) = find_faces(NeedsBorder(), [np.zeros((100, 100, 3), np.uint8)])  # type: ignore[arg-type]
    assert (face.box.left, face.box.top, face.landmarks[0, 0]) == (5, 5, 15)
    assert bordered_photo(np.zeros((10, 10, 3), np.uint8), 5)[0, 0].tolist() == [127, 127, 127]
