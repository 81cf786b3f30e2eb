"""Makes the statistics of strangers from a folder of people, and measures how far real strangers reach."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.classifier.build import CALIBRATING, log_odds, train
from pipeline.classifier.options import Options
from pipeline.classifier.strangers import SUFFIX, Strangers, encode, joined, measure
from pipeline.types import Floats
from tools.calibration.sample import Ints, Sample
from tools.evaluation.workbench import Workbench

FOLDS, USERS, LEARNT = 4, 20, 10
"""Repetitions, users of each, and photos that each user is trained with, where people have as many."""
RATE = 1e-3
"""The share of strangers' photos that may count as a given user; what is measured of it decides `deviations`."""


@dataclass(frozen=True, eq=False)
class Reach:
    """Log-odds in standard deviations of drawn strangers', over all folds: real strangers', and users' other photos'.

    `strangers` is (n,), of every stranger's photo and every user; `users` (m,).
    """

    strangers: Floats
    users: Floats

    def at(self, deviations: float) -> tuple[float, float]:
        """Return the share of strangers that count as a user, and of users that are recognised."""
        return float((self.strangers > deviations).mean()), float((self.users > deviations).mean())


def make(bench: Workbench, seed: int, folds: int = FOLDS) -> tuple[Strangers, dict[str, Any]]:
    """Return the statistics of a folder's people, and what their card says. Raises `ValueError` for too few people."""
    sample, versions = bench.faces.sample, bench.versions
    reaches = [_fold(sample, versions, np.random.default_rng([seed, fold])) for fold in range(folds)]
    reach = Reach(*(np.concatenate([getattr(one, name) for one in reaches]) for name in ("strangers", "users")))
    deviations = float(np.ceil(float(np.quantile(reach.strangers, 1 - RATE)) * 10) / 10)
    found = replace(measure(sample.embeddings, sample.person, versions), deviations=deviations)
    accepted, recognised = reach.at(deviations)
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
            "strangers_accepted_as_a_given_user": accepted,
            "users_recognised": recognised,
            "comparisons_of_strangers": len(reach.strangers),
            "comparisons_of_users": len(reach.users),
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
    learnt, kept = [rows[one[:LEARNT]] for one in order], [rows[one[LEARNT:]] for one in order]
    network, _ = train(learnt, strangers, Options(), int(generator.integers(1 << 30)), lambda share: None)
    drawn = log_odds(network.logits(strangers.draw(CALIBRATING, generator)))
    middle, spread = drawn.mean(axis=0), drawn.std(axis=0)

    def reached(faces: Floats) -> Floats:
        found: Floats = ((log_odds(network.logits(faces)) - middle) / spread).astype(np.float32)
        return found

    foreign = reached(rows[_rows_of(sample, others[half:])])
    own = [reached(faces)[:, at] for at, faces in enumerate(kept) if len(faces)]
    return Reach(foreign.ravel(), np.concatenate(own))


def _rows_of(sample: Sample, people: Ints) -> Ints:
    return np.flatnonzero(np.isin(sample.person, people))
