"""The faces that a calibration or an evaluation is made from, and their scores against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.scoring.fusion import Fusion
from pipeline.stages.distance import distances, lengths, template
from pipeline.types import Bools, Floats, Scorer

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sample:
    """One face per photo.

    `person` is of shape (n,), `embeddings[model]` of shape (n, d), raw; `augmented[model]` of shape (n, a, d), the
    embeddings of the face's `a` augmentations.
    """

    person: Ints
    embeddings: Mapping[str, Floats]
    augmented: Mapping[str, Floats]

    @property
    def num_aug(self) -> int:
        """Augmentations of each face."""
        return int(next(iter(self.augmented.values())).shape[1])

    def of_people(self, people: Bools) -> Sample:
        """Return the faces of the people for whom `people`, of shape (largest person + 1,), is true."""
        return self.rows(np.flatnonzero(people[self.person]))

    def rows(self, rows: Ints) -> Sample:
        """Return these faces, in this order."""
        return Sample(
            self.person[rows],
            {name: values[rows] for name, values in self.embeddings.items()},
            {name: values[rows] for name, values in self.augmented.items()},
        )

    def with_models(self, models: Sequence[str]) -> Sample:
        """Return the same faces with these models only."""
        both = self.embeddings, self.augmented
        return Sample(self.person, *({name: values[name] for name in models} for values in both))


@dataclass(frozen=True, eq=False)
class PairScores:
    """Scores of every two different photos: `genuine` and `impostor` with both photos' people, of shape (pairs,)."""

    genuine: Floats
    genuine_person: Ints
    impostor: Floats
    impostor_people: tuple[Ints, Ints]


@dataclass(frozen=True, eq=False)
class ModelPairs:
    """Each model's distance and lengths of every pair of photos i < j, of shape (pairs,), and who i and j show."""

    distances: Mapping[str, Floats]
    lengths: Mapping[str, Floats]
    left: Ints
    right: Ints

    @property
    def same(self) -> Bools:
        """Whether the pair shows one person."""
        return np.equal(self.left, self.right)

    def fused(self, fusion: Fusion | Scorer) -> Floats:
        """Return the fused score of every pair, (pairs,)."""
        return fusion.fuse({name: self.distances[name] for name in fusion.models}, 1, self.lengths)

    def scored(self, fusion: Fusion) -> PairScores:
        """Score every pair."""
        scores, same = self.fused(fusion), self.same
        return PairScores(scores[same], self.left[same], scores[~same], (self.left[~same], self.right[~same]))


def model_pairs(sample: Sample, sim_func: str) -> ModelPairs:
    """Compare every two different photos by every model."""
    left, right = np.triu_indices(len(sample.person), 1)
    apart = {n: distances(one, one, sim_func)[left, right] for n, one in sample.embeddings.items()}
    long = {n: lengths(one, one)[left, right] for n, one in sample.embeddings.items()}
    return ModelPairs(apart, long, sample.person[left], sample.person[right])


def shuffled(sample: Sample, generator: np.random.Generator) -> dict[int, Ints]:
    """Return each person's rows in random order."""
    order = generator.permutation(len(sample.person))
    by_person = order[np.argsort(sample.person[order], kind="stable")]
    people, starts = np.unique(sample.person[by_person], return_index=True)
    parts = np.split(by_person, starts[1:])
    return {int(person): part for person, part in zip(people, parts, strict=True)}


def templates_of(sample: Sample, groups: Sequence[Ints], sim_func: str) -> dict[str, Floats]:
    """Return the template of every group of rows: float32 (groups, d) per model."""
    return {
        name: np.stack([template(vectors[rows], sim_func) for rows in groups])
        for name, vectors in sample.embeddings.items()
    }


def scores_of(
    probes: Mapping[str, Floats], targets: Mapping[str, Floats], sim_func: str, fusion: Fusion | Scorer, enrolled: int
) -> Floats:
    """Return the fused scores (n, m) of probes (n, d) against targets (m, d) of `enrolled` photos each."""
    apart = {name: distances(probes[name], targets[name], sim_func) for name in fusion.models}
    return fusion.fuse(apart, enrolled, {name: lengths(probes[name], targets[name]) for name in fusion.models})
