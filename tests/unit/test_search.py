"""The search over everybody: the same scores as comparing one by one, and an ID's place without walking."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from codes_dict import Code
from db.gallery import index as index_module
from db.gallery.index import Index
from pipeline.ports import Block
from pipeline.stages import ranking
from pipeline.stages.distance import distances, lengths
from pipeline.stages.ranking import Ranking, best_scores
from pipeline.stages.search import SearchResult, search
from pipeline.types import Counts, EnrolledFaces, Floats
from tests.db_house import whole
from tests.fakes import ColourScorer

MODELS = ("One", "Two")


class WeighingScorer(ColourScorer):
    """Weighs two models, lengths and counts, so that each of them matters."""

    models = MODELS  # type: ignore[assignment]

    def fuse(
        self,
        distances: Mapping[str, Floats],
        enrolled: Counts | int | None = None,
        lengths: Mapping[str, Floats] | None = None,
    ) -> Floats:
        assert enrolled is not None
        assert lengths is not None
        fused = distances["One"] + 2 * distances["Two"] + lengths["One"] / 8 + 1 / np.asarray(enrolled)
        return np.asarray(fused, np.float32)


class TemplateScorer(WeighingScorer):
    """Scores two templates, of which nobody knows how many faces they are made of."""

    def fuse(
        self,
        distances: Mapping[str, Floats],
        enrolled: Counts | int | None = None,
        lengths: Mapping[str, Floats] | None = None,
    ) -> Floats:
        return super().fuse(distances, 1, lengths)


def vectors(count: int, size: int, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(0.1, 1, (count, size)).astype(np.float32)


def crowd(people: int) -> Index:
    index = Index({"One": 16, "Two": 24})
    one, two = vectors(people, 16, 1), vectors(people, 24, 2)
    for number in range(people):
        rows = {"One": one[number : number + 1], "Two": two[number : number + 1]}
        index.put(str(number), EnrolledFaces({name: np.repeat(row, 1 + number % 5, 0) for name, row in rows.items()}),
                  {name: row[0] for name, row in rows.items()})  # fmt: skip
    return index


@pytest.mark.parametrize("faces", [1, 3, 20])
@pytest.mark.parametrize("sim_func", ["cosine", "euclidean", "euclidean_l2"])
def test_a_search_in_blocks_scores_as_comparing_one_by_one(
    sim_func: str, faces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "BLOCK", 128)
    monkeypatch.setattr(ranking, "usable_cores", lambda: 7)
    everybody = crowd(500).snapshot(1)
    probes = {"One": vectors(faces, 16, 3) * 4, "Two": vectors(faces, 24, 4)}
    slow = {name: distances(probes[name], whole(everybody).templates[name], sim_func) for name in MODELS}
    long = {name: lengths(probes[name], whole(everybody).templates[name]) for name in MODELS}
    expected = WeighingScorer().fuse(slow, whole(everybody).counts, long).min(axis=0)
    found = best_scores(probes, everybody, WeighingScorer(), sim_func)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("sizes", "cores"), [([], 2), ([1], 2), ([5], 2), ([16_384] * 6 + [1_696], 2), ([9, 100], 3)])
def test_pieces_cover_everybody_in_order_and_none_exceeds_a_cores_share(sizes: list[int], cores: int) -> None:
    ends = np.cumsum([0, *sizes]).tolist()
    blocks = [Block({}, {}, np.arange(end - size, end)) for size, end in zip(sizes, ends[1:], strict=True)]
    pieces = ranking._pieces(blocks, cores)
    counts = [piece.counts for _, piece in pieces]
    assert [start for start, _ in pieces] == [int(one[0]) for one in counts]
    assert [int(one) for piece in counts for one in piece] == list(range(sum(sizes)))
    assert all(len(piece) <= max(1, -(-sum(sizes) // cores)) for piece in counts)


def test_a_template_that_is_not_a_number_is_an_error_and_never_a_score() -> None:
    index = crowd(5)
    broken = {"One": np.full((1, 16), np.nan, np.float32), "Two": np.zeros((1, 24), np.float32)}
    index.put("x", EnrolledFaces(broken), {name: rows[0] for name, rows in broken.items()})
    probes = {"One": vectors(1, 16, 3), "Two": vectors(1, 24, 4)}
    with pytest.raises(ValueError, match="A template is zero"):
        best_scores(probes, index.snapshot(1), WeighingScorer(), "cosine")


def test_a_probe_of_zeros_is_an_error_and_never_a_score() -> None:
    probes = {"One": np.zeros((1, 16), np.float32), "Two": vectors(1, 24, 4)}
    with pytest.raises(ValueError, match="An embedding is zero"):
        best_scores(probes, crowd(3).snapshot(1), WeighingScorer(), "cosine")


@pytest.mark.parametrize(
    ("scores", "required", "code", "claimed", "best"),
    [
        ([[0.5, 1.0]], 1, Code.FOUND, 0.5, 0.5),
        ([[0.5, 0.5]], 1, Code.FOUND, 0.5, 0.5),
        ([[0.625, 1.0]], 1, Code.NOT_VERIFIED, 0.625, 0.625),
        ([[1.0, 0.75]], 1, Code.FOUND_OTHER, 1.0, 0.75),
        ([[0.5, 0.25]], 1, Code.FOUND_OTHER, 0.5, 0.25),
        ([[0.75, 1.0], [0.125, 1.0], [0.5, 1.0]], 2, Code.FOUND, 0.5, 0.125),
        ([[0.75, 1.0], [0.125, 1.0], [0.5, 1.0]], 3, Code.NOT_VERIFIED, 0.75, 0.125),
        ([[0.25, 1.0], [0.5, 0.375]], 1, Code.FOUND, 0.25, 0.25),
        ([[0.25, 1.0]], 2, Code.NOT_VERIFIED, np.inf, 0.25),
    ],
)
def test_the_claimed_id_is_found_where_enough_photos_are_within_both_thresholds_and_nobody_is_nearer(
    scores: list[list[float]], required: int, code: Code, claimed: float, best: float
) -> None:
    candidates, scorer = crowd(2).snapshot(1).candidates({}, "0"), TemplateScorer(threshold=0.5, search=0.75)
    ranking = Ranking("0", candidates, np.array(scores, np.float32), scorer, "cosine", lambda _: ())
    result = search(ranking, required, 1, 2)
    assert (result.code, result.claimed_score, result.best_score) == (code, claimed, best)
    assert (result.search_threshold, result.claim_threshold) == (0.75, 0.5)
    assert result.rivals == (("1",) if scores[0][1] < scores[0][0] else ())


def test_the_stricter_threshold_of_the_two_counts_and_a_stranger_has_no_rivals() -> None:
    candidates, scorer = crowd(2).snapshot(1).candidates({}, "0"), TemplateScorer(threshold=0.5, search=0.25)
    for score, found in ((0.25, Code.FOUND), (0.5, Code.NOT_VERIFIED)):
        ranking = Ranking("0", candidates, np.array([[score, 1.0]], np.float32), scorer, "cosine", lambda _: ())
        assert search(ranking, 1, 1, 2).code is found
    for scores, found in (([[0.25, 1.0]], Code.FOUND_OTHER), ([[0.5, 1.0]], Code.NOT_VERIFIED)):
        ranking = Ranking("x", candidates, np.array(scores, np.float32), scorer, "cosine", lambda _: ())
        assert search(ranking, 1, 1, 2) == SearchResult(found, np.inf, scores[0][0], 0.25, 0.5)
    nobody = crowd(0).snapshot(1).candidates({}, "0")
    ranking = Ranking("0", nobody, np.zeros((1, 0), np.float32), scorer, "cosine", lambda _: ())
    assert search(ranking, 1, 1, 0) == SearchResult(Code.NOT_VERIFIED, np.inf, np.inf, 0.25, 0.5)


class Unwalkable(list[str]):
    """A list that says so where somebody walks through it."""

    def __iter__(self) -> None:  # type: ignore[override]
        raise AssertionError("the names were walked through")


def test_a_strangers_place_and_anybodys_are_known_without_walking_through_the_names() -> None:
    index = crowd(50)
    index._names = Unwalkable(index._names)
    ids = index.snapshot(1).ids
    index.put("later", EnrolledFaces({}), {"One": vectors(1, 16, 1)[0], "Two": vectors(1, 24, 1)[0]})
    assert (ids.index("49"), "stranger" in ids, "later" in ids) == (49, False, False)


def test_a_snapshot_of_before_a_removal_still_knows_who_was_there() -> None:
    index = crowd(5)
    before = index.snapshot(1)
    index.drop("1")
    after = index.snapshot(2)
    assert [before.ids.index(name) for name in "01234"] == [0, 1, 2, 3, 4]
    assert ("1" in after.ids, after.ids.index("4"), whole(after).counts.tolist()) == (False, 1, [1, 5, 3, 4])
    assert whole(before).counts.tolist() == [1, 2, 3, 4, 5]
    for name in MODELS:
        np.testing.assert_allclose(
            whole(after).lengths[name], np.linalg.norm(whole(after).templates[name], axis=1), rtol=1e-6
        )
