"""Pairs and searches: how well models and the fused score tell people apart. Lower scores are closer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.stages.distance import distances, lengths
from pipeline.types import Bools, Doubles, Floats, Scorer
from tools.calibration.bootstrap import middle, rate_name
from tools.calibration.sample import Ints, Sample, scores_of, shuffled, templates_of
from tools.evaluation.faces import Faces
from tools.evaluation.layout import Pair

NO_FACE = 1e6
"""The score of a pair whose one photo shows no face: it is never accepted."""
MOST_SENT = 3
"""Photos of a request at most."""
FPIR = 0.01


@dataclass(frozen=True)
class Accuracy:
    """Mean accuracy over the folds, and its standard error (0 to 1 both)."""

    accuracy: float
    sem: float
    folds: int


def pair_accuracy(scores: Doubles, same: Bools, fold: Ints) -> Accuracy:
    """Return k-fold pair accuracy: every fold is decided at the threshold that is best on all the others.

    `scores`, `same` and `fold` are of shape (pairs,). One fold alone is divided into ten.
    (Huang et al. 2007, Labeled Faces in the Wild, protocol of view 2.)
    """
    folds = fold if len(np.unique(fold)) > 1 else _tenths(same)
    rates = []
    for held_out in np.unique(folds):
        test = folds == held_out
        threshold = best_threshold(scores[~test], same[~test])
        rates.append(float(((scores[test] <= threshold) == same[test]).mean()))
    spread = float(np.std(rates, ddof=1) / np.sqrt(len(rates)))
    return Accuracy(float(np.mean(rates)), spread, len(rates))


def best_threshold(scores: Doubles, same: Bools) -> float:
    """Return the threshold with the fewest errors, the middle between two scores; of equals the lowest."""
    order = np.argsort(scores, kind="stable")
    ranked, hits = scores[order], np.where(same[order], 1, -1)
    gain = np.concatenate([[0], np.cumsum(hits)])
    edges = np.concatenate([[ranked[0] - 1.0], (ranked[:-1] + ranked[1:]) / 2, [ranked[-1]]])
    return float(edges[int(np.argmax(gain))])


def tar_at(genuine: Doubles, impostor: Doubles, fmr: float) -> float | None:
    """Return the true accept rate at a false match rate of at most `fmr`, or None where `impostor` cannot show it.

    It is shown if at least ten impostor scores are within the rate.
    """
    within = int(len(impostor) * fmr)
    if within < 10 or not len(genuine):
        return None
    threshold = np.partition(impostor, within)[within]
    return float((genuine < threshold).mean())


def _tenths(same: Bools) -> Ints:
    folds = np.zeros(len(same), dtype=np.int64)
    for kind in (True, False):
        places = np.flatnonzero(same == kind)
        folds[places] = np.arange(len(places)) * 10 // max(len(places), 1)
    return folds


def accuracies(
    faces: Faces, pairs: Sequence[Pair], photos: int, sim_func: str, scorer: Scorer | None
) -> dict[str, Accuracy]:
    """Return the pair accuracy of every model's distance and, by `scorer`, of the fused score under "fused".

    A pair with a photo without a face counts as refused. `photos` is the number of photos of the dataset.
    """
    places = np.full(photos, -1, dtype=np.int64)
    places[faces.rows] = np.arange(len(faces.rows))
    left, right = (places[[getattr(pair, side) for pair in pairs]] for side in ("left", "right"))
    same, fold = (np.array([getattr(pair, name) for pair in pairs]) for name in ("same", "fold"))
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


def accept_rates(scores: Floats, same: Bools, rates: Sequence[float]) -> dict[str, float | None]:
    """Return the true accept rate at each false match rate, by its name, over all pairs."""
    genuine, impostor = scores[same].astype(np.float64), scores[~same].astype(np.float64)
    return {rate_name(rate): tar_at(genuine, impostor, rate) for rate in rates}


def search_rates(sample: Sample, scorer: Scorer, sim_func: str, splits: int, seed: int) -> dict[str, Any]:
    """Enrol half of the people with one photo each, and search with everybody's other photos, `splits` times.

    The photos are searched with one by one, and again as requests: each person's up to three at a time, every enrolled
    person by the best of them, as the server ranks. The FPIR is the share of strangers' photos, or requests, that find
    anybody. Returns the rates of photos, and under `requests` those of requests: `rank1` of the `mated` probes, those
    of enrolled people, and the share of them that is missed at `FPIR`. Raises `ValueError` where no enrolled person has
    a second photo.
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
    return _found(photos) | {"people": people, "requests": _found(requests)}


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
    probes = {name: values[np.concatenate(rows)] for name, values in sample.embeddings.items()}
    scores = scores_of(probes, targets, sim_func, scorer, 1)
    return _Probes(scores, np.repeat(np.arange(len(rows)), sizes), np.flatnonzero(first))


def _outcome(known: Floats, person: Ints, strangers: Floats) -> Ints:
    """Count probes whose own entry is first, those that are missed at the threshold for `FPIR`, mated, non-mated.

    The threshold is the highest at which at most a share `FPIR` of the strangers finds anybody.
    """
    ranked = np.sort(strangers.min(axis=1).astype(np.float64))
    threshold = np.nextafter(ranked[min(int(len(ranked) * FPIR), len(ranked) - 1)], -np.inf)
    own = known[np.arange(len(known)), person]
    ahead = own <= known.min(axis=1)
    return np.array([ahead.sum(), (~ahead | (own > threshold)).sum(), len(known), len(strangers)], dtype=np.int64)


def _found(counts: Ints) -> dict[str, Any]:
    first, missed, mated, non_mated = counts.tolist()
    return {"rank1": first / mated, "fnir_at_fpir_1e-2": missed / mated, "mated": mated, "non_mated": non_mated}


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
    low, high = middle([float(generator.choice(values, len(values)).mean()) for _ in range(draws)])
    return [max(low, 0.0), high]
