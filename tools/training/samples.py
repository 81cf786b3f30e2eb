"""Turns scenes into the arrays that the network is trained on: augmented, simulated, and cut into views."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from pipeline.models.liveness.views import cut_view
from pipeline.types import Floats, Pixels
from tools.training.attacks import DRAWING, simulate
from tools.training.camera import photograph
from tools.training.drawings import drawn
from tools.training.network import FACE_VIEW, KINDS
from tools.training.scene import Rng, Scene, jittered, mirrored, tighten
from tools.training.sources import Sample

LIVE = KINDS.index("live")


@dataclass(frozen=True, eq=False)
class Arrays:
    """`faces` are views in RGB (n, size, size, 3); `allowed` (n, kinds) marks the outputs that are right.

    `groups` (n,) numbers what is drawn equally often: a source's bona fide faces, its attacks, its simulations.
    """

    faces: npt.NDArray[np.uint8]
    allowed: Floats
    groups: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.allowed)


def joined(parts: Sequence[Arrays]) -> Arrays:
    """Put arrays behind each other."""
    return Arrays(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Arrays)))


def plain(samples: Sequence[Sample]) -> Arrays:
    """Cut the views of samples as they are, for measuring."""
    faces = [cut_view(one.scene.pixels, one.scene.box, FACE_VIEW) for one in samples]
    return _stacked([(face, _allowed(one.item.attack, None), 0) for face, one in zip(faces, samples, strict=True)])


def augmented(samples: Sequence[Sample], copies: int, group: int, rng: Rng, strength: float) -> Arrays:
    """Photograph every sample `copies` times anew; the label stays."""
    copied = [one for one in samples for _ in range(copies)]
    return _stacked([(_face(one.scene, rng, strength), _allowed(one.item.attack, None), group) for one in copied])


def simulated(samples: Sequence[Sample], copies: int, group: int, rng: Rng, backgrounds: Sequence[Pixels]) -> Arrays:
    """Make `copies` simulated attacks of every bona fide sample."""
    rows = []
    for one in (one for one in samples for _ in range(copies)):
        scene, kind = simulate(one.scene, backgrounds[int(rng.integers(len(backgrounds)))], rng)
        rows.append((_face(scene, rng, 0.6), _allowed(True, kind), group))
    return _stacked(rows)


def sketched(samples: Sequence[Sample], group: int, rng: Rng) -> Arrays:
    """Make a drawing of every bona fide sample."""
    return _stacked([(_face(drawn(one.scene, rng), rng, 0.4), _allowed(True, DRAWING), group) for one in samples])


def _face(scene: Scene, rng: Rng, strength: float) -> Pixels:
    """Return the view of a face that was photographed anew, maybe mirrored, maybe without its surroundings."""
    if rng.random() < 0.5:
        scene = mirrored(scene)
    height, width = scene.pixels.shape[:2]
    roomy = min(height / scene.box.height, width / scene.box.width) > 1.5
    if roomy and rng.random() < 0.55:
        scene = tighten(scene, float(rng.uniform(1.0, 1.45)), rng)
    scene = scene.with_pixels(photograph(scene.pixels, rng, strength))
    return cut_view(scene.pixels, jittered(scene.box, rng), FACE_VIEW)


def _allowed(attack: bool, kind: str | None) -> Floats:
    """Return which outputs are right: a screen as well as a print where the kind of a real attack is not known."""
    row = np.full(len(KINDS), attack and kind is None, np.float32)
    if not attack:
        row[LIVE] = 1
    elif kind is None:
        row[[LIVE, KINDS.index(DRAWING)]] = 0
    else:
        row[KINDS.index(kind)] = 1
    return row


def _stacked(rows: Sequence[tuple[Pixels, Floats, int]]) -> Arrays:
    faces, allowed, groups = zip(*rows, strict=True)
    return Arrays(np.stack(faces), np.stack(allowed), np.array(groups, np.int32))
