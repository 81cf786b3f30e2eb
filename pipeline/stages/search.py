"""1:N: who of everybody enrolled is it? And in 1:1: is anybody else nearer to the photos than the claimed ID?"""

from dataclasses import dataclass

import numpy as np

from codes_dict import Code, Refusal
from pipeline.ledger import Ledger
from pipeline.ports import Snapshot
from pipeline.stages.compare import check_agreement, shown
from pipeline.stages.ranking import Linked, Ranking, rank
from pipeline.stages.sightings import Probes
from pipeline.types import Scorer


@dataclass(frozen=True)
class SearchResult:
    """What a search says about the claimed ID.

    `code` is FOUND where the ID is the nearest and within both thresholds, FOUND_OTHER where somebody else is within
    the search threshold, NOT_VERIFIED where nobody is. `claimed_score` is the claimed ID's `required`-th best score
    over the images; inf where there is none. `best_score` is anybody's best. `rivals` are the IDs that are nearer than
    the claimed one.
    """

    code: Code
    claimed_score: float
    best_score: float
    search_threshold: float
    claim_threshold: float
    rivals: tuple[str, ...] = ()


def search_everybody(
    claimed: str, probes: Probes, ver_tol: int, snapshot: Snapshot, likeness: tuple[Scorer, str], linked: Linked,
    ledger: Ledger,
) -> tuple[float, float | None]:  # fmt: skip
    """Return the claimed ID's score and its false match rate where a search finds that ID.

    The score is that of the last photo that was required. Refuses with FOUND_OTHER or NOT_VERIFIED, and with
    DIFFERENT_PEOPLE where some photos show the claimed person and others clearly somebody else.
    """
    scorer, required = likeness[0], min(ver_tol, probes.images)
    with ledger.stage("search", snapshot.people) as row:
        doubles = linked(claimed)  # whoever is near: an unknown ID takes as long
        ranking = rank(claimed, probes, snapshot.candidates(probes.embeddings, claimed), *likeness, lambda _: doubles)
        result = search(ranking, required, probes.chances, snapshot.people)
        row.note(best=shown(result.best_score), threshold=shown(result.search_threshold), people=snapshot.people)
        row.note(claimed=shown(result.claimed_score), required=required, nearer=list(result.rivals))
        check_agreement(ranking.own, scorer)
        if result.code is not Code.FOUND:
            raise Refusal(result.code)
        row.went_out = 1
    return result.claimed_score, scorer.fmr_at_found(result.claimed_score, required, probes.chances)


def search(ranking: Ranking, required: int, chances: int, people: int) -> SearchResult:
    """Decide what everybody's scores say of the claimed ID; an impostor has so many `chances`.

    `people` is how many were searched, where the candidates are only the closest of them. The claimed ID has to be the
    nearest, and `required` distinct images have to be within the search threshold and within a 1:1 threshold that
    allows for the search's being another try.
    """
    scorer, own = ranking.scorer, np.sort(ranking.own)
    claimed_score = float(own[required - 1]) if required <= len(own) else np.inf
    search_threshold = scorer.search_threshold(people, chances)
    claim_threshold = scorer.found_threshold(required, chances)
    others = ranking.best_other()
    rivals = ranking.rivals(ranking.best, float(own[0]))
    if claimed_score <= min(search_threshold, claim_threshold) and not rivals:
        code = Code.FOUND
    else:
        code = Code.FOUND_OTHER if others <= search_threshold else Code.NOT_VERIFIED
    names = tuple(ranking.candidates.ids[at] for at in rivals) if np.isfinite(own[0]) else ()
    return SearchResult(code, claimed_score, min(float(own[0]), others), search_threshold, claim_threshold, names)


def check_nearest(
    claimed: str, probes: Probes, snapshot: Snapshot, likeness: tuple[Scorer, str], linked: Linked, refusal: Code,
    ledger: Ledger,
) -> None:  # fmt: skip
    """Refuse a claim that 1:1 would accept where another person is nearer to the photos, with the code `refusal`.

    Nearer is nearer by the scorer's `rival_margin` in the mean over the distinct images, so that one poor photo does
    not decide. A single image that is somebody else's by twice the margin, whom a search would find by it, contradicts
    the others: DIFFERENT_PEOPLE.
    """
    scorer = likeness[0]
    with ledger.stage("nearest", snapshot.people) as row:
        ranking = rank(claimed, probes, snapshot.candidates(probes.embeddings, claimed), *likeness, linked)
        means, margin = ranking.scores.mean(axis=0), scorer.rival_margin
        own = float(ranking.own.mean())
        rivals = ranking.rivals(means, own - margin)
        row.note(claimed=shown(own), margin=shown(margin), nearer=[ranking.candidates.ids[at] for at in rivals])
        if rivals:
            raise Refusal(refusal, "another ID is nearer to the photos")
        limit = scorer.search_threshold(snapshot.people, 1)
        for scores, its_own in zip(ranking.scores, ranking.own, strict=True):
            if ranking.rivals(scores, min(float(its_own) - 2 * margin, limit)):
                raise Refusal(Code.DIFFERENT_PEOPLE, "another ID is nearer to one of the photos")
        row.went_out = 1
