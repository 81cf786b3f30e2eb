"""Everybody enrolled, scored for each of a request's photos: who is nearer than the claimed ID?"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from pipeline.parallel import parallel_map, usable_cores
from pipeline.ports import Block, Candidates
from pipeline.stages.compare import fused_scores
from pipeline.stages.nearness import nearness
from pipeline.stages.sightings import Probes
from pipeline.types import Floats, Scorer

Linked = Callable[[str], Collection[str]]
"""Returns the IDs that an admin has declared to be the same person as an ID."""

MOST_DOUBLES = 50
"""Nearer people who may be the claimed one under another ID; where more are nearer, some of them are others."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Everybody's scores for a request's distinct images: float32 (images, P), lower is closer.

    The scores are those of the `candidates`, in their order; an image counts by its best face.
    """

    claimed: str
    candidates: Candidates
    scores: Floats
    scorer: Scorer
    sim_func: str
    linked: Linked

    @cached_property
    def place(self) -> int | None:
        """The claimed ID's place among the candidates; None where it is not enrolled."""
        ids = self.candidates.ids
        return ids.index(self.claimed) if self.claimed in ids else None

    @property
    def own(self) -> Floats:
        """The claimed ID's score for each image, (images,); inf where it is not enrolled."""
        if self.place is None:
            return np.full(len(self.scores), np.inf, np.float32)
        return self.scores[:, self.place]

    @cached_property
    def best(self) -> Floats:
        """Everybody's best score over the images, (P,)."""
        best: Floats = self.scores.min(axis=0)
        return best

    def best_other(self) -> float:
        """Return the best score of anybody but the claimed ID; inf where there is nobody else."""
        around = (self.best,) if self.place is None else (self.best[: self.place], self.best[self.place + 1 :])
        return min(float(part.min(initial=np.inf)) for part in around)

    def rivals(self, scores: Floats, limit: float) -> list[int]:
        """Return the places of other people whose score, of `scores` (P,), is below `limit`, closest first.

        IDs that are the claimed person as well are no rivals. At most `MOST_DOUBLES` are returned.
        """
        near = np.flatnonzero(scores < limit)
        if self.place is not None:
            near = near[near != self.place]
        is_crowd = len(near) > MOST_DOUBLES
        if is_crowd:
            near = near[np.argpartition(scores[near], MOST_DOUBLES)[:MOST_DOUBLES]]
        closest_first = [int(at) for at in near[np.argsort(scores[near], kind="stable")]]
        return closest_first if is_crowd else self._without_doubles(closest_first)

    def _without_doubles(self, places: list[int]) -> list[int]:
        """Leave out the claimed person's other IDs: those that an admin linked, and those whose templates agree.

        Agreeing is agreeing at the scorer's `same_person_threshold`, which siblings do not reach.
        """
        if self.place is None or not places:
            return places
        linked, ids = self.linked(self.claimed), self.candidates.ids
        claimed, theirs = self._templates([self.place]), self._templates(places)
        agreement = fused_scores(claimed, theirs, self.scorer, self.sim_func)[0][0]
        is_same = agreement <= self.scorer.same_person_threshold
        return [at for at, same in zip(places, is_same, strict=True) if not same and ids[at] not in linked]

    def _templates(self, places: Sequence[int]) -> dict[str, Floats]:
        """Return the templates of some people: float32 (len(places), d) per model."""
        blocks = self.candidates.blocks
        ends = np.cumsum([len(block.counts) for block in blocks])
        numbers = np.searchsorted(ends, places, side="right").tolist()
        found = [(blocks[number], at - int(ends[number])) for number, at in zip(numbers, places, strict=True)]
        return {
            name: np.stack([block.templates[name][from_end] for block, from_end in found])
            for name in self.scorer.models
        }


def rank(
    claimed: str, probes: Probes, candidates: Candidates, scorer: Scorer, sim_func: str, linked: Linked
) -> Ranking:
    """Score the candidates for every distinct image of a request."""
    scores = group_scores(probes.embeddings, probes.groups, candidates, scorer, sim_func)
    return Ranking(claimed, candidates, scores, scorer, sim_func, linked)


def best_scores(probes: Mapping[str, Floats], everybody: Candidates, scorer: Scorer, sim_func: str) -> Floats:
    """Return every person's best fused score over all probe faces: float32 (P,). `probes` holds (n, d) per model."""
    count = len(probes[scorer.models[0]])
    best: Floats = group_scores(probes, [range(count)], everybody, scorer, sim_func)[0]
    return best


def group_scores(
    probes: Mapping[str, Floats], groups: Sequence[Sequence[int]], everybody: Candidates, scorer: Scorer, sim_func: str
) -> Floats:
    """Return every person's best fused score over each group of probe faces: float32 (groups, P).

    `probes` holds (n, d) per model; a group lists some of the n faces.
    """
    best = np.full((len(groups), len(everybody.ids)), np.inf, dtype=np.float32)
    measures = {name: nearness(probes[name], sim_func) for name in scorer.models}
    members = [list(group) for group in groups]

    def score(piece: tuple[int, Block]) -> None:
        start, block = piece
        distances = {name: one.to(block.templates[name], block.lengths[name]) for name, one in measures.items()}
        logs = {name: one.log_lengths(block.lengths[name]) for name, one in measures.items()}
        fused = scorer.fuse(distances, block.counts, logs)
        for row, faces in zip(best, members, strict=True):
            row[start : start + len(block.counts)] = fused[faces].min(axis=0)

    parallel_map(score, _pieces(everybody.blocks, usable_cores()))
    return best


def _pieces(blocks: Sequence[Block], cores: int) -> list[tuple[int, Block]]:
    """Cut the blocks so that every core has work; each piece with the place of its first person."""
    people = sum(len(block.counts) for block in blocks)
    most = max(1, -(-people // cores))
    pieces: list[tuple[int, Block]] = []
    first = 0
    for block in blocks:
        size = len(block.counts)
        edges = np.linspace(0, size, -(-size // most) + 1).astype(int).tolist()
        pieces += [(first + start, block.part(slice(start, stop))) for start, stop in pairwise(edges)]
        first += size
    return pieces
