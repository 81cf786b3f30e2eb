"""Who is a rival of a claim, by the shipped thresholds: a sibling is, the same person under another ID is not."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest

from codes_dict import Code, Refusal
from db.gallery import index as index_module
from db.gallery.index import Index, MemorySnapshot
from pipeline.ledger import Ledger
from pipeline.scoring import load_scorer
from pipeline.scoring.scorer import CalibratedScorer
from pipeline.scoring.store import SHIPPED, file_name
from pipeline.stages.compare import same_people
from pipeline.stages.ranking import rank
from pipeline.stages.search import check_nearest
from pipeline.stages.sightings import Probes, Sighting
from pipeline.types import EnrolledFaces, Floats
from tests.fakes import sighting_of

MODEL, SIZE = "MobileFaceNet", 128
AXES = np.eye(SIZE, dtype=np.float32)


@pytest.fixture(scope="module")
def scorer() -> CalibratedScorer:
    """Return the shipped scorer of one model: a score is its cosine distance where embeddings have the usual length."""
    versions = json.loads((SHIPPED / file_name({MODEL: ""})).read_text())["models"]
    found = load_scorer(versions, "cosine", 4, 1e-3, 1e-2)
    assert isinstance(found, CalibratedScorer)
    return found


def usual(direction: Floats, scorer: CalibratedScorer) -> Floats:
    """Return an embedding of this direction and the length at which lengths say nothing."""
    length = np.exp(scorer.measured.fusion.lengths[0].middle / 2)
    vector: Floats = (direction / np.linalg.norm(direction) * length).astype(np.float32)
    return vector


def apart(one: Floats, axis: int, distance: float) -> Floats:
    """Return a unit vector at this cosine distance from `one`, turned towards an axis at right angles to it."""
    cosine = 1.0 - distance
    turned: Floats = (cosine * one + np.sqrt(1.0 - cosine**2) * AXES[axis]).astype(np.float32)
    return turned


def gallery(people: Mapping[str, Floats], scorer: CalibratedScorer) -> MemorySnapshot:
    index = Index({MODEL: SIZE})
    for name, direction in people.items():
        vector = usual(direction, scorer)
        index.put(name, EnrolledFaces({MODEL: vector[np.newaxis]}), {MODEL: vector})
    return index.snapshot(1)


def test_people_are_the_same_at_the_rate_that_siblings_do_not_reach(scorer: CalibratedScorer) -> None:
    others = [apart(AXES[0], axis, share * scorer.same_person_threshold) for axis, share in ((1, 0.9), (2, 1.1))]
    people = [EnrolledFaces({MODEL: usual(one, scorer)[np.newaxis]}) for one in (AXES[0], *others)]
    assert same_people(people, scorer, "cosine")[0].tolist() == [True, True, False]


def face(direction: Floats, scorer: CalibratedScorer, group: int = 0) -> Sighting:
    plain = sighting_of((1, 2, 3), f"photo {group}", group)
    return Sighting(plain.photo, plain.detection, plain.crop, group, embeddings={MODEL: usual(direction, scorer)})


def decision(
    claimed: str,
    photos: list[Floats],
    people: Mapping[str, Floats],
    scorer: CalibratedScorer,
    linked: frozenset[str] = frozenset(),
) -> Code | None:
    """Return what the claim is refused with, None where nobody is nearer."""
    probes = Probes([face(one, scorer, number) for number, one in enumerate(photos)], len(photos))
    likeness, everybody, ledger = (scorer, "cosine"), gallery(people, scorer), Ledger()
    try:
        check_nearest(claimed, probes, everybody, likeness, lambda _: linked, Code.FOUND_OTHER, ledger)
    except Refusal as refusal:
        return refusal.code
    assert [row["out"] for row in ledger.as_list()] == [1]
    return None


def sisters(scorer: CalibratedScorer) -> dict[str, Floats]:
    """Return two people as alike as one pair of strangers in ten thousand."""
    return {"ann": AXES[0], "sister": apart(AXES[0], 1, scorer.measured.single.score(1e-4))}


def test_a_sister_is_refused_under_her_sisters_id_and_not_under_her_own(scorer: CalibratedScorer) -> None:
    people = sisters(scorer)
    photo = apart(people["sister"], 2, 0.15)
    mean = 1.0 - float(photo @ people["ann"])
    assert mean <= scorer.threshold(1, 1)  # nothing but her own enrolment tells her from her sister
    assert decision("ann", [photo], people, scorer) is Code.FOUND_OTHER
    assert decision("sister", [photo], people, scorer) is None
    assert decision("ann", [photo], {"ann": people["ann"]}, scorer) is None


def test_the_same_person_under_two_ids_is_no_rival(scorer: CalibratedScorer) -> None:
    twice = {"ann": AXES[0], "again": apart(AXES[0], 1, 0.9 * scorer.same_person_threshold)}
    assert decision("ann", [apart(twice["again"], 2, 0.1)], twice, scorer) is None


def test_each_photo_is_held_against_a_search_by_one_photo(
    scorer: CalibratedScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, threshold = list[tuple[int, int]](), scorer.search_threshold

    def noted(_: CalibratedScorer, people: int, chances: int) -> float:
        asked.append((people, chances))
        return threshold(people, chances)

    monkeypatch.setattr(CalibratedScorer, "search_threshold", noted)
    assert decision("ann", [AXES[0]] * 3, sisters(scorer), scorer) is None
    assert asked == [(2, 1)]


def test_an_admin_can_say_that_two_ids_are_one_person(scorer: CalibratedScorer) -> None:
    people = sisters(scorer)
    photo = apart(people["sister"], 2, 0.15)
    assert decision("ann", [photo], people, scorer, frozenset({"sister"})) is None
    assert decision("ann", [photo], people, scorer, frozenset({"somebody"})) is Code.FOUND_OTHER


def test_nearer_by_less_than_the_margin_is_not_nearer(scorer: CalibratedScorer) -> None:
    for nearer, code in ((0.9, None), (1.1, Code.FOUND_OTHER)):
        own = 0.5
        people = {"ann": apart(AXES[0], 1, own), "ben": apart(AXES[0], 2, own - nearer * scorer.rival_margin)}
        assert decision("ann", [AXES[0]], people, scorer) is code


def test_the_margin_is_six_tenths_of_the_spread_of_strangers_scores(scorer: CalibratedScorer) -> None:
    single = scorer.measured.single
    assert scorer.rival_margin == pytest.approx(0.6 * (single.score(0.5) - single.score(0.1587)))
    assert 0.05 < scorer.rival_margin < 0.08


def test_one_photo_that_is_somebody_elses_contradicts_the_others(scorer: CalibratedScorer) -> None:
    people = sisters(scorer)
    own, hers = apart(people["ann"], 3, 0.1), apart(people["sister"], 4, 0.1)
    assert decision("ann", [own, own, hers], people, scorer) is Code.DIFFERENT_PEOPLE
    assert decision("ann", [own, own, own], people, scorer) is None


def test_one_photo_contradicts_the_others_where_it_is_nearer_by_twice_the_margin(scorer: CalibratedScorer) -> None:
    for nearer, code in ((1.9, None), (2.1, Code.DIFFERENT_PEOPLE)):
        own = 0.4
        people = {"ann": apart(AXES[0], 1, own), "ben": apart(AXES[0], 2, own - nearer * scorer.rival_margin)}
        hers = apart(people["ann"], 3, 0.1)
        assert decision("ann", [hers, hers, AXES[0]], people, scorer) is code


def test_a_crowd_of_nearer_people_is_not_one_person(scorer: CalibratedScorer) -> None:
    close = {str(number): apart(AXES[0], 2 + number, 0.05) for number in range(60)}
    people = {"ann": apart(AXES[0], 1, 0.3), **close}
    assert decision("ann", [AXES[0]], people, scorer) is Code.FOUND_OTHER


def test_rivals_are_found_in_every_block_of_the_gallery(
    scorer: CalibratedScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "BLOCK", 4)
    people = {str(number): AXES[number] for number in range(11)}
    for number in range(11):
        for claimed in ({"claimed": apart(AXES[number], 20, 0.6)}, {"claimed": apart(AXES[number], 20, 0.1)}):
            everybody = gallery({**people, **claimed}, scorer)
            probes = Probes([face(AXES[number], scorer)], 1)
            ranking = rank("claimed", probes, everybody, scorer, "cosine", lambda _: ())
            rivals = [ranking.candidates.ids[at] for at in ranking.rivals(ranking.best, float(ranking.own[0]))]
            assert rivals == ([str(number)] if 1.0 - claimed["claimed"] @ AXES[number] > 0.2 else [])
