"""Pairs and searches: how well models and the fused score tell people apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.stages.distance import distances, lengths
from pipeline.types import Bools, Doubles, Floats, Scorer
from tools.calibration.sample import Ints, Sample, shuffled, templates_of
from tools.evaluation.faces import Faces
from tools.evaluation.layout import Pair
from tools.evaluation.roc import Accuracy, pair_accuracy, tar_at

NO_FACE = 1e6
"""The score of a pair whose one photo shows no face: it is never accepted."""


MOST_SENT = 3
"""Photos of a request at most."""

FPIR = 0.01


@dataclass(frozen=True)
class Found:
    """Rank-1 rate of enrolled people's probes and, at `FPIR`, the share that is not found (or not first).

    `mated` are the enrolled people's probes, `non_mated` everybody else's, over all splits.
    """

    rank1: float
    fnir: float
    mated: int
    non_mated: int


@dataclass(frozen=True)
class SearchRates:
    """What is found where every photo is a probe, and where requests of up to `MOST_SENT` photos are."""

    photos: Found
    requests: Found
    people: int


def accuracies(
    faces: Faces, pairs: Sequence[Pair], photos: int, sim_func: str, scorer: Scorer | None
) -> dict[str, Accuracy]:
    """Return the pair accuracy of every model's distance and, by `scorer`, of the fused score under "fused".

    A pair with a photo without a face counts as refused. `photos` is the number of photos of the dataset.
    """
    places = faces.row_of(photos)
    left = places[[pair.left for pair in pairs]]
    right = places[[pair.right for pair in pairs]]
    same = np.array([pair.same for pair in pairs])
    fold = np.array([pair.fold for pair in pairs])
    seen = (left >= 0) & (right >= 0)
    apart, long = _paired(faces.sample, left[seen], right[seen], sim_func)
    scores = dict(apart)
    if scorer is not None:
        scores["fused"] = scorer.fuse({name: apart[name] for name in scorer.models}, 1, long)
    found = {}
    for name, values in scores.items():
        whole = np.full(len(pairs), NO_FACE)
        whole[seen] = values
        found[name] = pair_accuracy(whole, same, fold)
    return found


def accept_rates(scores: Floats, same: Bools, rates: Sequence[float]) -> dict[float, float | None]:
    """Return the true accept rate at each false match rate, over all pairs."""
    genuine, impostor = scores[same].astype(np.float64), scores[~same].astype(np.float64)
    return {rate: tar_at(genuine, impostor, rate) for rate in rates}


def search_rates(sample: Sample, scorer: Scorer, sim_func: str, splits: int, seed: int) -> SearchRates:
    """Enrol half of the people with one photo each, and search with everybody's other photos, `splits` times.

    The photos are searched with one by one, and again as requests: each person's up to three at a time, every enrolled
    person by the best of them, as the server ranks. The FPIR is the share of strangers' photos, or requests, that find
    anybody. Raises `ValueError` where no enrolled person has a second photo.
    """
    photos, requests, people = np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64), 0
    for split in range(splits):
        generator = np.random.default_rng([seed, 31, split])
        order = shuffled(sample, generator)
        everybody = generator.permutation(list(order))
        enrolled, others = np.sort(everybody[: len(everybody) // 2]), np.sort(everybody[len(everybody) // 2 :])
        targets = templates_of(sample, [order[int(one)][:1] for one in enrolled], sim_func)
        known = _probes(sample, [order[int(one)][1:] for one in enrolled], targets, scorer, sim_func)
        strangers = _probes(sample, [order[int(one)] for one in others], targets, scorer, sim_func)
        if not len(known.scores) or not len(strangers.scores):
            continue
        photos += _outcome(known.scores, known.person, strangers.scores)
        requests += _outcome(known.best(), known.person[known.starts], strangers.best())
        people = len(enrolled)
    if not photos[2]:
        raise ValueError("Nobody who was enrolled has a second photo to search with.")
    return SearchRates(_found(photos), _found(requests), people)


@dataclass(frozen=True, eq=False)
class _Probes:
    """`scores` (photos, enrolled); `person` (photos,) is a place in the given list; `starts` (requests,) rows."""

    scores: Floats
    person: Ints
    starts: Ints

    def best(self) -> Floats:
        """Return each request's best score against everybody, (requests, enrolled)."""
        return np.minimum.reduceat(self.scores, self.starts, axis=0)


def _probes(
    sample: Sample, rows: Sequence[Ints], targets: Mapping[str, Floats], scorer: Scorer, sim_func: str
) -> _Probes:
    """Score people's photos, `rows` of each of them, and divide each person's into requests."""
    sizes = [len(one) for one in rows]
    first = np.array([at % MOST_SENT == 0 for size in sizes for at in range(size)], dtype=np.bool_)
    person = np.repeat(np.arange(len(rows)), sizes)
    return _Probes(_against(sample, np.concatenate(rows), targets, scorer, sim_func), person, np.flatnonzero(first))


def _outcome(known: Floats, person: Ints, strangers: Floats) -> Ints:
    """Count probes whose own entry is first, those that are missed at the threshold for `FPIR`, mated, non-mated."""
    threshold = _threshold(strangers.min(axis=1), FPIR)
    own = known[np.arange(len(known)), person]
    ahead = own <= known.min(axis=1)
    return np.array([ahead.sum(), (~ahead | (own > threshold)).sum(), len(known), len(strangers)], dtype=np.int64)


def _found(counts: Ints) -> Found:
    first, missed, mated, non_mated = counts.tolist()
    return Found(first / mated, missed / mated, mated, non_mated)


def _threshold(best: Floats, fpir: float) -> float:
    """Return the highest threshold at which at most a share `fpir` of the strangers finds anybody."""
    ranked = np.sort(best.astype(np.float64))
    return float(np.nextafter(ranked[min(int(len(ranked) * fpir), len(ranked) - 1)], -np.inf))


def _against(sample: Sample, rows: Ints, targets: Mapping[str, Floats], scorer: Scorer, sim_func: str) -> Floats:
    probes = {name: values[rows] for name, values in sample.embeddings.items()}
    apart = {name: distances(probes[name], targets[name], sim_func) for name in scorer.models}
    return scorer.fuse(apart, 1, {name: lengths(probes[name], targets[name]) for name in scorer.models})


def _paired(sample: Sample, left: Ints, right: Ints, sim_func: str) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return each model's distance and lengths of every pair of rows."""
    apart: dict[str, Floats] = {}
    long: dict[str, Floats] = {}
    for name, vectors in sample.embeddings.items():
        sides = list(zip(vectors[left], vectors[right], strict=True))
        apart[name] = np.array([distances(a[None], b[None], sim_func)[0, 0] for a, b in sides], np.float32)
        long[name] = np.array([lengths(a[None], b[None])[0, 0] for a, b in sides], np.float32)
    return apart, long


def bootstrap(values: Doubles, draws: int, seed: int) -> list[float]:
    """Return the 95 % interval of the mean of per-person values, drawing people."""
    generator = np.random.default_rng([seed, 41])
    means = [float(generator.choice(values, len(values)).mean()) for _ in range(draws)]
    low, high = np.quantile(means, (0.025, 0.975))
    return [max(float(low), 0.0), float(high)]
