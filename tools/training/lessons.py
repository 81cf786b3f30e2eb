"""The pictures that the network's look at the surroundings learns from: photos, clips, crops, and what is made of them.

Whatever gives a class away without being an attack is drawn alike for both: how far the photo reaches around the face,
exposure, colours, lens, noise and codec, and whose rooms are seen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.card import View
from pipeline.models.liveness.views import cut_view
from pipeline.parallel import usable_cores
from pipeline.types import Floats, Pixels
from tools.training.attacks import simulate
from tools.training.camera import photograph
from tools.training.composed import presented
from tools.training.drawings import drawn
from tools.training.scene import Rng, Scene, cut_to_reach, jittered, mirrored
from tools.training.sources import CLIP, PORTRAITS, Sample
from tools.training.surroundings import cluttered, extended
from tools.training.teachers import Teachers

PHOTO, WIDE, CLUTTER, PRESENTED, FILLED, DRAWN = "photo", "wide", "clutter", "presented", "filled", "drawn"
"""What is made of a face: the photo itself, the photo continued by its mirror image, things behind the person, a screen
or print that somebody holds up, one that fills the photo, a drawing."""
SOURCE = "source"
MADE_ATTACKS = (PRESENTED, FILLED, DRAWN)
COPIES: Mapping[str, Mapping[str, float]] = {
    PORTRAITS: {PHOTO: 1, WIDE: 0.5, CLUTTER: 0.3, PRESENTED: 1.2, FILLED: 0.25, DRAWN: 0.1},
    CLIP: {PHOTO: 6, CLUTTER: 2, PRESENTED: 7, FILLED: 1},
    SOURCE: {PHOTO: 1},
}
"""How many pictures of each kind are made of a bona fide face, by where it is from."""
ATTACK_COPIES: Mapping[str, float] = {CLIP: 4, SOURCE: 1}
SHARES: Mapping[tuple[str, str, bool], float] = {
    (PORTRAITS, PHOTO, False): 10, (PORTRAITS, WIDE, False): 7, (PORTRAITS, CLUTTER, False): 5,
    (PORTRAITS, PRESENTED, True): 20, (PORTRAITS, FILLED, True): 3, (PORTRAITS, DRAWN, True): 1,
    (CLIP, PHOTO, False): 8, (CLIP, CLUTTER, False): 3, (CLIP, PRESENTED, True): 8, (CLIP, FILLED, True): 0.5,
    (CLIP, PHOTO, True): 4, (SOURCE, PHOTO, False): 3, (SOURCE, PHOTO, True): 3,
}  # fmt: skip
"""How often a picture is drawn, by where its face is from, how it was made, and whether it is an attack."""
_ROOMY = 1.4
"""From this reach on a scene has surroundings that can be cut off."""
_CLIP_ROOMS = 0.35
"""How many of the rooms behind screens are those of clips."""
_FOOLED = -4.0
_BATCH = 32

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Origin:
    """Where a picture is from: its source, the source of the room behind it or "", and how it was made."""

    source: str
    behind: str
    made: str
    attack: bool

    @property
    def group(self) -> tuple[str, str, bool]:
        """What it is drawn with."""
        return origin_of(self.source), self.made, self.attack


@dataclass(frozen=True, eq=False)
class Lessons:
    """What is learned: views (n, size, size, 3) in RGB, the teachers' log-odds (n, 3), and 1 for each attack (n,).

    `weight` says how much that label counts beside the teachers (n,).
    """

    around: Bytes
    odds: Floats
    attack: Floats
    weight: Floats
    origins: tuple[Origin, ...]

    def shares(self, left_out: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return how often each picture is drawn when some sources are left out, as a face and as a room; sums to 1."""
        gone = frozenset(left_out)
        groups = [None if {one.source, one.behind} & gone else one.group for one in self.origins]
        counts = {group: groups.count(group) for group in set(groups)}
        shares = np.array([0.0 if group is None else SHARES[group] / counts[group] for group in groups])
        return np.asarray(shares / shares.sum(), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Rooms:
    """Bona fide scenes: those of portraits, or of whatever there is, and those of clips."""

    portraits: Sequence[Sample]
    clips: Sequence[Sample]

    def any(self, rng: Rng) -> Sample:
        some = self.clips if self.clips and rng.random() < _CLIP_ROOMS else self.portraits
        return some[int(rng.integers(len(some)))]

    def reach(self, rng: Rng) -> float:
        """Return how far some portrait reaches around its face, or anything."""
        scene = self.portraits[int(rng.integers(len(self.portraits)))].scene
        reach = min(scene.pixels.shape[:2]) / max(scene.box.width, scene.box.height)
        return float(rng.uniform(1.5, 3.2)) if rng.random() < 0.5 else reach


_Task = tuple[Sample, str, tuple[int, int]]
"""Of what to make which kind of picture, by which seed."""


def give_lessons(
    samples: Sequence[Sample], teachers: Teachers, view: View, seed: int, say: Callable[[str], None]
) -> Lessons:
    """Make all pictures and have the teachers judge them; the same samples and seed give the same lessons."""
    tasks, rooms = list(_tasks(samples, seed)), _rooms(samples)
    views: list[Pixels] = []
    odds: list[Floats] = []
    origins: list[Origin] = []
    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(tasks), _BATCH):
            if start % (50 * _BATCH) == 0:
                say(f"made {start} of {len(tasks)} pictures")
            made = list(pool.map(lambda task: _made(rooms, *task), tasks[start : start + _BATCH]))
            odds.append(teachers.judge([scene.pixels for scene, _ in made], [scene.box for scene, _ in made]))
            views += [cut_view(scene.pixels, scene.box, view) for scene, _ in made]
            origins += [origin for _, origin in made]
    judged = np.concatenate(odds)
    weight = [_weight(origin, row) for origin, row in zip(origins, judged, strict=True)]
    attack = [one.attack for one in origins]
    return Lessons(np.stack(views), judged, np.array(attack, np.float32), np.array(weight, np.float32), tuple(origins))


def origin_of(source: str) -> str:
    """Return whether a source is portraits, a clip, or a source of crops."""
    return PORTRAITS if source == PORTRAITS else CLIP if source.startswith(f"{CLIP} ") else SOURCE


def _rooms(samples: Sequence[Sample]) -> _Rooms:
    bona_fide = [one for one in samples if not one.item.attack]
    portraits = [one for one in bona_fide if one.item.source == PORTRAITS]
    return _Rooms(portraits or bona_fide, [one for one in bona_fide if origin_of(one.item.source) == CLIP])


def _tasks(samples: Sequence[Sample], seed: int) -> Iterator[_Task]:
    rng, number = np.random.default_rng(seed), 0
    for one in samples:
        origin = origin_of(one.item.source)
        copies = {PHOTO: ATTACK_COPIES.get(origin, 1)} if one.item.attack else COPIES[origin]
        for made, count in copies.items():
            for _ in range(int(count + rng.random())):
                yield one, made, (seed, number)
                number += 1


def _made(rooms: _Rooms, sample: Sample, made: str, seed: tuple[int, int]) -> tuple[Scene, Origin]:
    """Return the picture and where it is from."""
    rng: Rng = np.random.default_rng(seed)
    behind, other = rooms.any(rng), rooms.any(rng)
    scene = mirrored(sample.scene) if rng.random() < 0.5 else sample.scene
    roomy = min(scene.pixels.shape[:2]) > _ROOMY * max(scene.box.width, scene.box.height)
    scene = _changed(scene, made, behind.scene, other.scene.pixels, rng)
    if roomy:
        scene = cut_to_reach(scene, rooms.reach(rng), rng)
    if made != PHOTO or rng.random() < 0.75:
        strength = float(rng.uniform(0.2, 1.0))
        scene = scene.with_pixels(photograph(np.ascontiguousarray(scene.pixels), rng, strength))
    room = behind.item.source if made == PRESENTED else ""
    origin = Origin(sample.item.source, room, made, sample.item.attack or made in MADE_ATTACKS)
    return Scene(scene.pixels, jittered(scene.box, rng, 0.06)), origin


def _changed(scene: Scene, made: str, behind: Scene, other: Pixels, rng: Rng) -> Scene:
    if made == PRESENTED:
        return presented(scene, behind, other, rng)
    if made == FILLED:
        return simulate(scene, behind.pixels, rng)[0]
    if made == DRAWN:
        return drawn(scene, rng)
    if made == CLUTTER:
        return cluttered(extended(scene) if rng.random() < 0.5 else scene, behind.pixels, rng)
    return extended(scene) if made == WIDE else scene


def _weight(origin: Origin, odds: npt.NDArray[np.float32]) -> float:
    """Weigh the label: little where the attack may not be seen in the view."""
    if origin_of(origin.source) == SOURCE:
        return 0.5
    if origin.made == FILLED:
        return 0.2
    fooled = float(odds[:2].mean() + odds[2]) < _FOOLED
    return 0.3 if origin.made == PRESENTED and fooled else 1.0
