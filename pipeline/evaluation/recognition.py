"""Pairs and searches: how well models and the fused score tell people apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.calibration.sample import Ints, Sample, shuffled, templates_of
from pipeline.evaluation.faces import Faces
from pipeline.evaluation.layout import Pair
from pipeline.evaluation.roc import Accuracy, Bools, Doubles, pair_accuracy, tar_at
from pipeline.stages.distance import distances, lengths
from pipeline.types import Floats, Scorer

NO_FACE = 1e6
"""The score of a pair whose one photo shows no face: it is never accepted."""


@dataclass(frozen=True)
class SearchRates:
    """Rank-1 rate and, at an FPIR of 1 %, the share of enrolled people's photos that are not found (or not first)."""

    rank1: float
    fnir: float
    mated: int
    non_mated: int
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

    Raises `ValueError` where no enrolled person has a second photo.
    """
    first, missed, mated, non_mated, people = 0, 0, 0, 0, 0
    for split in range(splits):
        generator = np.random.default_rng([seed, 31, split])
        order = shuffled(sample, generator)
        everybody = generator.permutation(list(order))
        enrolled = np.sort(everybody[: len(everybody) // 2])
        targets = templates_of(sample, [order[int(one)][:1] for one in enrolled], sim_func)
        inside = np.isin(sample.person, enrolled)
        used = np.zeros(len(inside), dtype=np.bool_)
        used[[order[int(one)][0] for one in enrolled]] = True
        known, strangers = np.flatnonzero(inside & ~used), np.flatnonzero(~inside)
        if not len(known) or not len(strangers):
            continue
        threshold = _threshold(_against(sample, strangers, targets, scorer, sim_func).min(axis=1), 0.01)
        scores = _against(sample, known, targets, scorer, sim_func)
        own = scores[np.arange(len(known)), np.searchsorted(enrolled, sample.person[known])]
        ahead = own <= scores.min(axis=1)
        first += int(ahead.sum())
        missed += int((~ahead | (own > threshold)).sum())
        mated, non_mated, people = mated + len(known), non_mated + len(strangers), len(enrolled)
    if not mated:
        raise ValueError("Nobody who was enrolled has a second photo to search with.")
    return SearchRates(first / mated, missed / mated, mated, non_mated, people)


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
