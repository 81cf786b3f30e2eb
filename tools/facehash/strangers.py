"""Makes the statistics of strangers from a folder of people, and measures how far real strangers reach."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.classifier.build import SPREAD, log_odds, train
from pipeline.classifier.options import Options
from pipeline.classifier.strangers import SUFFIX, Strangers, encode, joined, measure
from pipeline.types import Bools, Doubles
from tools.calibration.sample import Ints, Sample
from tools.evaluation.workbench import Workbench

FOLDS, USERS, LEARNT = 4, 20, 10
"""Repetitions, users of each, and photos that each user is trained with, where people have as many."""
FEWEST, MOST = 2.0, 8.0
"""The range that `deviations` is searched in."""
RATE = 1e-3
"""The share of strangers' photos that may count as a given user; what is measured of it decides `deviations`."""


@dataclass(frozen=True, eq=False)
class Reach:
    """What a fold's network, made for 0 deviations, gives for photos: `logits` are (n, classes), `user` (n,) whose each
    photo is, and that of a stranger the last class.
    """

    logits: Doubles
    user: Ints

    def at(self, deviations: float) -> tuple[Bools, Bools]:
        """Return which comparisons of strangers pass, (m, users), and which users' photos are recognised, (k,)."""
        moved = self.logits.copy()
        moved[:, :-1] -= SPREAD * deviations
        passed, users = log_odds(moved) > 0, moved.shape[1] - 1
        own = np.flatnonzero(self.user < users)
        return passed[self.user == users], passed[own, self.user[own]]


def make(bench: Workbench, seed: int, folds: int = FOLDS) -> tuple[Strangers, dict[str, Any]]:
    """Return the statistics of a folder's people, and what their card says. Raises `ValueError` for too few people."""
    sample, versions = bench.faces.sample, bench.versions
    reaches = [_fold(sample, versions, np.random.default_rng([seed, fold])) for fold in range(folds)]
    for deviations in np.arange(FEWEST, MOST, 0.1).round(1).tolist():
        passed, known = (np.concatenate([one.at(deviations)[which].ravel() for one in reaches]) for which in (0, 1))
        if passed.mean() <= RATE:
            break
    found = replace(measure(sample.embeddings, sample.person, versions), deviations=deviations)
    card = {
        "data": bench.data.name,
        "people": len(np.unique(sample.person)),
        "photos": len(sample.person),
        "models": dict(versions),
        "deviations": deviations,
        "measured": {
            "how": "statistics from one half of the people, strangers from the other, users from neither",
            "folds": folds,
            "users": USERS,
            "strangers_accepted_as_a_given_user": float(passed.mean()),
            "users_recognised": float(known.mean()),
            "comparisons_of_strangers": len(passed),
            "comparisons_of_users": len(known),
        },
        "holds": "a mean and covariances of embeddings; nobody's template",
    }
    return found, card


def save(strangers: Strangers, card: Mapping[str, Any], folder: Path) -> Path:
    """Write the statistics and the card beside them; return the statistics' file."""
    stem = "+".join(sorted(name.lower() for name in strangers.sizes))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{stem}{SUFFIX}"
    file.write_bytes(encode(strangers))
    file.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return file


def _fold(sample: Sample, versions: Mapping[str, str], generator: np.random.Generator) -> Reach:
    people, counts = np.unique(sample.person, return_counts=True)
    many = people[counts >= min(LEARNT + 2, int(np.sort(counts)[-USERS]))]
    users = generator.choice(many, USERS, replace=False)
    others = generator.permutation(np.setdiff1d(people, users))
    half = len(others) // 2
    known = sample.rows(np.flatnonzero(np.isin(sample.person, others[:half])))
    strangers = measure(known.embeddings, known.person, versions)
    models = tuple(versions)
    rows = joined(sample.embeddings, models)
    order = [generator.permutation(np.flatnonzero(sample.person == user)) for user in users]
    learnt, seed = [rows[one[:LEARNT]] for one in order], int(generator.integers(1 << 30))
    network, _ = train(learnt, strangers, Options(), seed, lambda share: None)
    photos = [*(one[LEARNT:] for one in order), np.flatnonzero(np.isin(sample.person, others[half:]))]
    return Reach(network.logits(rows[np.concatenate(photos)]), np.repeat(np.arange(USERS + 1), [*map(len, photos)]))
