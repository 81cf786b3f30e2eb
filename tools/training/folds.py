"""Which sources are left out together, how often each group of samples is drawn, and how the arrays are made."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.training.lessons import SOURCE, origin_of
from tools.training.samples import Arrays, augmented, joined, simulated, sketched
from tools.training.scene import Rng
from tools.training.sources import CLIP, PORTRAITS, Sample

LIVE, ATTACK, SIMULATION, DRAWING = "live", "attack", "simulation", "drawing"
SAME_PEOPLE: Mapping[str, tuple[str, ...]] = {
    "source_2": ("clip Apfol_real2", "clip Apfol_fake2"),
    "source_3": ("clip Krzysiek354_real",),
}
"""Clips that show a source's people with its camera: they are left out with it."""
IMPORTANCE: Mapping[str, Mapping[str, float]] = {
    PORTRAITS: {LIVE: 2.5, ATTACK: 0.0, SIMULATION: 0.25, DRAWING: 0.3},
    CLIP: {LIVE: 0.35, ATTACK: 1.0, SIMULATION: 0.05, DRAWING: 0.03},
    SOURCE: {LIVE: 1.0, ATTACK: 1.3, SIMULATION: 0.05, DRAWING: 0.03},
}
"""What samples weigh: photos of very many people as several sources, clips, which show few, as less than one.

Simulations show what no source shows (moire, halftone, cut-outs, drawings), but are no real recapture: with more
weight, bona fide faces of left-out sources are rejected more often.
"""
COPIES = {PORTRAITS: (1, 1), CLIP: (4, 2), SOURCE: (6, 3)}
"""How often a sample is augmented, and how many attacks are simulated with it."""


def clips_apart(sources: Collection[str]) -> list[frozenset[str]]:
    """Return which sources are left out together: the clips of a source's people with it, then all other clips."""
    with_sources = [frozenset((source, *clips)) for source, clips in SAME_PEOPLE.items()]
    known = frozenset().union(*with_sources)
    others = frozenset(name for name in sources if name.startswith(f"{CLIP} ") and name not in known)
    return [apart for apart in (*with_sources, others) if apart & frozenset(sources)]


@dataclass(frozen=True)
class Group:
    """Samples that are drawn with one weight: a source's bona fide faces, its attacks, or what is made of faces."""

    source: str
    role: str


@dataclass(frozen=True, eq=False)
class Pool:
    """Everything that can be trained on; `arrays.groups` numbers into `groups`."""

    arrays: Arrays
    groups: tuple[Group, ...]

    def weights(self, left_out: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return how often each group is drawn when some sources are left out: half live, half attacks."""
        gone = {*left_out, *(clip for source in left_out for clip in SAME_PEOPLE.get(source, ()))}
        weights = np.array([IMPORTANCE[origin_of(group.source)][group.role] for group in self.groups])
        weights[[group.source in gone for group in self.groups]] = 0.0
        live = np.array([group.role == LIVE for group in self.groups])
        for side in (live, ~live):
            weights[side] *= 0.5 / weights[side].sum()
        return weights


def build_pool(samples: Sequence[Sample], rng: Rng, say: Callable[[str], None]) -> Pool:
    """Augment all samples, and simulate attacks with the bona fide ones."""
    backgrounds = [one.scene.pixels for one in samples if one.item.source == PORTRAITS][::40]
    backgrounds = backgrounds or [one.scene.pixels for one in samples if not one.item.attack][::10]
    parts: list[Arrays] = []
    groups: list[Group] = []
    for source in sorted({one.item.source for one in samples}):
        say(f"augmenting {source}")
        copies, simulations = COPIES[origin_of(source)]
        bona_fide = [one for one in samples if one.item.source == source and not one.item.attack]
        attacks = [one for one in samples if one.item.source == source and one.item.attack]
        strength = 0.9 if source == PORTRAITS else 0.65
        for some, role in ((bona_fide, LIVE), (attacks, ATTACK)):
            if some:
                parts.append(augmented(some, copies, len(groups), rng, strength))
                groups.append(Group(source, role))
        if bona_fide:
            bona_fide = bona_fide[::3] if source == PORTRAITS else bona_fide
            parts.append(simulated(bona_fide, simulations, len(groups), rng, backgrounds))
            groups.append(Group(source, SIMULATION))
            parts.append(sketched(bona_fide[::2], len(groups), rng))
            groups.append(Group(source, DRAWING))
    return Pool(joined(parts), tuple(groups))
