"""Whose faces these are: each face for itself, searched among everybody enrolled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.ports import Snapshot
from pipeline.stages.ranking import group_scores
from pipeline.types import Floats, Person, Scorer


@dataclass(frozen=True)
class Named:
    """Who a face is: the person, the fused score, and the false match rate at which it would just pass.

    All are None for a face that is nobody's within the search threshold.
    """

    person: Person | None = None
    score: float | None = None
    rate: float | None = None


def name_faces(
    embeddings: Mapping[str, Floats],
    snapshot: Snapshot,
    find: Callable[[str], Person | None],
    likeness: tuple[Scorer, str],
) -> list[Named]:
    """Return who each face is, whose raw embeddings are (n, d) per model; one `Named` per face, in order.

    A face is the nearest person's where that person is within the search threshold and the 1:1 threshold of a search's
    finding, as in /verify with one photo.
    """
    scorer, sim_func = likeness
    count = len(embeddings[scorer.models[0]])
    if not snapshot.people or not count:
        return [Named()] * count
    near = snapshot.candidates(embeddings, "")
    if not len(near.ids):
        return [Named()] * count
    scores = group_scores(embeddings, [[at] for at in range(count)], near, scorer, sim_func)
    limit = min(scorer.search_threshold(snapshot.people, 1), scorer.found_threshold(1, 1))
    return [_named(near.ids, row, limit, find, scorer) for row in scores]


def _named(
    ids: Sequence[str], scores: Floats, limit: float, find: Callable[[str], Person | None], scorer: Scorer
) -> Named:
    best = int(np.argmin(scores))
    score = float(scores[best])
    person = find(ids[best]) if score <= limit else None
    return Named() if person is None else Named(person, score, scorer.fmr_at_found(score, 1, 1))
