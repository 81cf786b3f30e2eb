"""1:N: who of everybody enrolled is it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import numpy as np

from codes_dict import Code, Refusal
from pipeline.ledger import Ledger
from pipeline.parallel import parallel_map, usable_cores
from pipeline.ports import Block, Candidates, Snapshot
from pipeline.stages.compare import shown
from pipeline.stages.nearness import nearness
from pipeline.stages.sightings import Probes
from pipeline.types import Floats, Scorer


class Found(Enum):
    """What a search says about the claimed ID."""

    CLAIMED = "the claimed ID is within both thresholds"
    OTHER = "somebody else is within the search threshold"
    NOBODY = "nobody is within the search threshold"


@dataclass(frozen=True)
class SearchResult:
    """`claimed_score` is the claimed ID's best score (inf where it is not enrolled), `best_score` anybody's."""

    found: Found
    claimed_score: float
    best_score: float
    search_threshold: float
    claim_threshold: float
    people: int


def search_everybody(
    claimed: str, probes: Probes, snapshot: Snapshot, scorer: Scorer, sim_func: str, ledger: Ledger
) -> float:
    """Return the claimed ID's best score where a search finds that ID; refuses with FOUND_OTHER or NOT_VERIFIED."""
    with ledger.stage("search", snapshot.people) as row:
        candidates = snapshot.candidates(probes.embeddings, claimed)
        scores = best_scores(probes.embeddings, candidates, scorer, sim_func)
        result = search(claimed, candidates.ids, scores, probes.chances, scorer, snapshot.people)
        row.note(best=shown(result.best_score), threshold=shown(result.search_threshold), people=result.people)
        row.went_out = 1
        if result.found is Found.OTHER:
            raise Refusal(Code.FOUND_OTHER)
        if result.found is Found.NOBODY:
            raise Refusal(Code.NOT_VERIFIED)
    return result.claimed_score


def best_scores(probes: Mapping[str, Floats], everybody: Candidates, scorer: Scorer, sim_func: str) -> Floats:
    """Return every person's best fused score over all probe faces: float32 (P,). `probes` holds (n, d) per model."""
    best = np.full(len(everybody.ids), np.inf, dtype=np.float32)
    measures = {name: nearness(probes[name], sim_func) for name in scorer.models}

    def score(piece: tuple[int, Block]) -> None:
        start, block = piece
        distances = {name: one.to(block.templates[name], block.lengths[name]) for name, one in measures.items()}
        logs = {name: one.log_lengths(block.lengths[name]) for name, one in measures.items()}
        best[start : start + len(block.counts)] = scorer.fuse(distances, block.counts, logs).min(axis=0)

    parallel_map(score, _pieces(everybody.blocks, usable_cores()))
    return best


def search(
    claimed: str,
    ids: Sequence[str],
    scores: Floats,
    images: int,
    scorer: Scorer,
    people: int | None = None,
) -> SearchResult:
    """Decide what the people's scores say of the claimed ID; they are the best of `images` distinct photos.

    `people` is how many were searched, where `ids` and `scores` are only the closest of them. The claimed ID has to be
    within the search threshold and within a 1:1 threshold that allows for a search's taking the best of the images.
    """
    if not len(ids):
        return SearchResult(Found.NOBODY, np.inf, np.inf, 0.0, 0.0, 0)
    searched = len(ids) if people is None else people
    search_threshold = scorer.search_threshold(searched, images)
    claim_threshold = scorer.found_threshold(images)
    place = ids.index(claimed) if claimed in ids else None
    claimed_score = np.inf if place is None else float(scores[place])
    around = (scores,) if place is None else (scores[:place], scores[place + 1 :])
    others = min(float(part.min(initial=np.inf)) for part in around)
    if claimed_score <= min(search_threshold, claim_threshold):
        found = Found.CLAIMED
    else:
        found = Found.OTHER if others <= search_threshold else Found.NOBODY
    return SearchResult(found, claimed_score, min(claimed_score, others), search_threshold, claim_threshold, searched)


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
