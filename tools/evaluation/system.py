"""The whole accept rule on people who come back: both looks and the search, against their own and everybody's entry.

People with four or more photos are enrolled with two of them; a request sends the others, up to three, and claims to
be every enrolled person in turn. Photos are assigned at random, several times.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.stages.distance import distances
from pipeline.types import Bools, Doubles, Floats, Scorer
from tools.calibration.bootstrap import middle
from tools.calibration.sample import Ints, Sample, scores_of, shuffled, templates_of
from tools.evaluation.recognition import MOST_SENT, bootstrap

ENROLLED = 2


@dataclass(frozen=True)
class Rule:
    """The settings that the accept rule depends on."""

    sim_func: str
    ver_tol: int = 2
    ver_tol_aug: int = 20


@dataclass(frozen=True, eq=False)
class Accepts:
    """How often each request was accepted: float64 (people, people), who sends by who is claimed, by part of the rule.

    `first` and `second` are the looks of 1:1, `search` code 134 (which is all of it with `skip_verify`), `verify`
    the two looks together, `system` all three; `seed` counts any pair that a published threshold lets pass, and is
    missing where no model has one. Each is a mean over the `splits`.
    """

    shares: Mapping[str, Doubles]
    splits: int

    def genuine(self, part: str = "system") -> Doubles:
        """Return each person's rate of being accepted as themselves, (people,)."""
        return np.diag(self.shares[part]).copy()

    def impostor(self, part: str = "system", counts: Doubles | None = None) -> float:
        """Return the false match rate, each person counting `counts` times."""
        weights = np.ones(len(self.shares[part])) if counts is None else counts
        pairs = np.outer(weights, weights)
        np.fill_diagonal(pairs, 0.0)
        return float((self.shares[part] * pairs).sum() / pairs.sum())

    def rates(self, part: str) -> dict[str, float]:
        """Return the false non-match and the false match rate of a part."""
        return {"fnmr": float(1.0 - self.genuine(part).mean()), "fmr": self.impostor(part)}


def run(
    sample: Sample,
    scorer: Scorer,
    rule: Rule,
    published: Mapping[str, float],
    splits: int,
    seed: int,
    most_sent: int = MOST_SENT,
) -> Accepts:
    """Run the protocol; `published` holds the published thresholds that the seed's rule uses, for any of the models.

    `most_sent` is how many photos a request has at most. Raises `ValueError` with fewer than two such people.
    """
    photos, people = np.bincount(sample.person), takes_part(sample)
    if len(people) < 2:
        raise ValueError("At least two people with four photos each are required.")
    sums: dict[str, Doubles] = {}
    for split in range(splits):
        order = shuffled(sample, np.random.default_rng([seed, 11, split]))
        enrolled = np.stack([order[int(person)][:ENROLLED] for person in people])
        sent = np.minimum(photos[people] - ENROLLED, most_sent)
        for images in np.unique(sent):
            senders = np.flatnonzero(sent == images)
            rows = [order[int(people[one])][ENROLLED : ENROLLED + images] for one in senders]
            decided = _decide(sample, scorer, rule, published, np.stack(rows), enrolled)
            for part, accepted in decided.items():
                sums.setdefault(part, np.zeros((len(people), len(people))))[senders] += accepted
    return Accepts({part: total / splits for part, total in sums.items()}, splits)


def takes_part(sample: Sample) -> Ints:
    """Return the people with enough photos for the protocol."""
    return np.flatnonzero(np.bincount(sample.person) >= ENROLLED + 2)


def summary(accepts: Accepts, draws: int, seed: int) -> dict[str, Any]:
    """Return the protocol's figures; intervals are 95 % over `draws` draws of people. Codes 200 and 134 are accepts."""
    missed = 1.0 - accepts.genuine()
    people = len(missed)
    parts = {part: accepts.rates(part) for part in ("first", "second", "verify", "search")}
    seed_rule = accepts.rates("seed") if "seed" in accepts.shares else {"fnmr": None, "fmr": None}
    return {
        "fnmr": float(missed.mean()),
        "fnmr_interval": bootstrap(missed, draws, seed),
        "fmr": accepts.impostor(),
        "fmr_interval": impostor_interval(accepts, draws, seed),
        "genuine": people * accepts.splits,
        "impostor": people * (people - 1) * accepts.splits,
        "people": people,
        "seed_rule_fmr": seed_rule["fmr"],
        "seed_rule_fnmr": seed_rule["fnmr"],
        "parts": parts,
        "fmr_skip_verify": parts["search"]["fmr"],
        "fnmr_skip_verify": parts["search"]["fnmr"],
    }


def impostor_interval(accepts: Accepts, draws: int, seed: int) -> list[float]:
    """Return the 95 % interval of the whole rule's false match rate, drawing people."""
    generator = np.random.default_rng([seed, 21])
    count = len(accepts.genuine())
    drawn = (np.bincount(generator.integers(0, count, count), minlength=count) for _ in range(draws))
    return middle([accepts.impostor(counts=counts.astype(np.float64)) for counts in drawn])


def _decide(
    sample: Sample, scorer: Scorer, rule: Rule, published: Mapping[str, float], rows: Ints, enrolled: Ints
) -> dict[str, Bools]:
    """Decide requests of photos `rows` (senders, images) to people `enrolled` (people, enrolled) by the rule."""
    images = rows.shape[1]
    required = min(rule.ver_tol, images)
    targets = templates_of(sample, list(enrolled), rule.sim_func)
    probes = {name: values[rows.ravel()] for name, values in sample.embeddings.items()}
    scores = scores_of(probes, targets, rule.sim_func, scorer, enrolled.shape[1])
    deciding = np.sort(scores.reshape(len(rows), images, len(enrolled)), axis=1)[:, required - 1]
    first = deciding <= scorer.threshold(required, images)
    search = deciding <= min(scorer.search_threshold(len(enrolled), images), scorer.found_threshold(required, images))
    second = _second(sample, scorer, rule, rows, enrolled)
    found = {"first": first, "second": second, "search": search}
    found |= {"verify": first | second, "system": first | second | search}
    if published:
        found["seed"] = _any_pair(sample, rule, published, rows, enrolled)
    return found


def _second(sample: Sample, scorer: Scorer, rule: Rule, rows: Ints, enrolled: Ints) -> Bools:
    comparisons = rows.shape[1] * sample.num_aug * enrolled.shape[1]
    if not comparisons:
        return np.zeros((len(rows), len(enrolled)), dtype=np.bool_)
    required = min(rule.ver_tol_aug, comparisons)
    targets = {name: values[enrolled.ravel()] for name, values in sample.embeddings.items()}
    probes = {name: _augmented(values[rows]) for name, values in sample.augmented.items()}
    scores = scores_of(probes, targets, rule.sim_func, scorer, 1)
    within: Bools = scores <= scorer.second_look_threshold(required, comparisons, rows.shape[1])
    return np.asarray(_counted(within, rows, enrolled) >= required)


def _any_pair(sample: Sample, rule: Rule, published: Mapping[str, float], rows: Ints, enrolled: Ints) -> Bools:
    """Decide as the seed does: every comparison that a model's published threshold lets pass counts."""
    first = np.zeros((len(rows), len(enrolled)), dtype=np.int64)
    second = first.copy()
    for name, limit in published.items():
        stored = np.concatenate(
            [sample.embeddings[name][enrolled][:, :, np.newaxis], sample.augmented[name][enrolled]], axis=2
        )
        targets = _augmented(stored)
        entries = np.arange(len(targets)).reshape(len(enrolled), -1)
        real = distances(sample.embeddings[name][rows.ravel()], targets, rule.sim_func) <= limit
        copies = distances(_augmented(sample.augmented[name][rows]), targets, rule.sim_func) <= limit
        first += _counted(real, rows, entries)
        second += _counted(copies, rows, entries)
    return np.asarray((first >= rule.ver_tol) | (second >= rule.ver_tol_aug))


def _augmented(values: Floats) -> Floats:
    return values.reshape(-1, values.shape[-1])


def _counted(within: Bools, rows: Ints, entries: Ints) -> Ints:
    """Count true comparisons per sender and claimed person."""
    return np.asarray(within.reshape(len(rows), -1, len(entries), entries.shape[1]).sum(axis=(1, 3)))
