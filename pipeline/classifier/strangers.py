"""People whom nobody knows: drawn from the mean and the covariance of embeddings, so that no real person is stored.

`shipped/` holds, for the models together, the mean and the covariance of one embedding per person (what strangers are
like) and the covariance of a person's embeddings around their mean (how much photos of one person differ). The file's
card says what they were computed from and what they reach. Both are made by `bin/facehash strangers`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.registry import other_precision
from pipeline.stages.distance import checked, normalised
from pipeline.types import Floats

Doubles = npt.NDArray[np.float64]

SHIPPED = Path(__file__).parent / "shipped"
SUFFIX = ".strangers.npz"

_SCALE = 128.0
"""Covariances are stored as float16, multiplied by this: their values are around 1/128."""
_RIDGE = 1e-3
"""Share of the mean variance that is added on the diagonal: rounding leaves no negative eigenvalue."""


class NoStrangersError(Exception):
    """There are no statistics of strangers for these models; the message says what to run."""


@dataclass(frozen=True, eq=False)
class Strangers:
    """Statistics of the joined unit-length embeddings of some models, d numbers together.

    `mean` (d,), `total` and `within` (d, d) in float32. `deviations` is how many standard deviations above strangers'
    mean log-odds a face has to be to count as a user: measured, since real people have heavier tails than drawn ones.
    """

    versions: Mapping[str, str]
    sizes: Mapping[str, int]
    mean: Floats
    total: Floats
    within: Floats
    deviations: float

    def of_models(self, models: Sequence[str]) -> Strangers:
        """Return the statistics of some of the models, in this order."""
        starts = dict(zip(self.sizes, np.cumsum([0, *self.sizes.values()])[:-1].tolist(), strict=True))
        at = np.concatenate([np.arange(starts[name], starts[name] + self.sizes[name]) for name in models])
        versions = {name: self.versions[name] for name in models}
        sizes = {name: self.sizes[name] for name in models}
        square = np.ix_(at, at)
        return Strangers(versions, sizes, self.mean[at], self.total[square], self.within[square], self.deviations)

    def draw(self, count: int, generator: np.random.Generator) -> Floats:
        """Return strangers, float32 (count, d), each model's part of length 1."""
        return self.unit(self.mean + _deviates(self._total_root, count, generator))

    def moves(self, count: int, generator: np.random.Generator) -> Floats:
        """Return by how much photos differ from their person's mean, float32 (count, d)."""
        return _deviates(self._within_root, count, generator)

    @cached_property
    def _total_root(self) -> Floats:
        return _root(self.total)

    @cached_property
    def _within_root(self) -> Floats:
        return _root(self.within)

    def unit(self, rows: Floats) -> Floats:
        """Return the rows (n, d) with each model's part scaled to length 1."""
        parts = np.split(rows, np.cumsum(list(self.sizes.values()))[:-1], axis=1)
        return np.concatenate([unit(part) for part in parts], axis=1)


def _root(covariance: Floats) -> Floats:
    """Return a matrix whose product with its transpose is the covariance."""
    exact = covariance.astype(np.float64)
    ridge = _RIDGE * np.trace(exact) / len(exact) * np.eye(len(exact))
    root: Floats = np.linalg.cholesky(exact + ridge).astype(np.float32)
    return root


def _deviates(root: Floats, count: int, generator: np.random.Generator) -> Floats:
    """Return normal deviates around zero, float32 (count, d), of the covariance whose root is given."""
    return generator.standard_normal((count, len(root)), np.float32) @ root.T


def joined(embeddings: Mapping[str, Floats], models: Sequence[str]) -> Floats:
    """Return raw embeddings (n, size) per model as what the classifier sees: float32 (n, d), each part of length 1."""
    return np.concatenate([unit(embeddings[name]) for name in models], axis=1)


def unit(rows: Floats) -> Floats:
    """Return rows of length 1. Raises `ValueError` for a row that is zero or not finite."""
    scaled: Floats = normalised(checked(rows)).astype(np.float32)
    return scaled


def measure(embeddings: Mapping[str, Floats], person: npt.NDArray[np.int64], versions: Mapping[str, str]) -> Strangers:
    """Compute the statistics from raw embeddings (n, size) per model and who each shows, (n,).

    Every person counts once in mean and `total`, by the first photo. Raises `ValueError` where people or photos are
    too few for a covariance.
    """
    models = tuple(embeddings)
    rows = joined(embeddings, models).astype(np.float64)
    _, first, place = np.unique(person, return_index=True, return_inverse=True)
    counts = np.bincount(place)
    freedom = int((counts - 1).sum())
    if len(first) < 2 * rows.shape[1] or freedom < rows.shape[1]:
        raise ValueError(f"at least {2 * rows.shape[1]} people and {rows.shape[1]} further photos of them are needed")
    middles = np.zeros((len(first), rows.shape[1]))
    np.add.at(middles, place, rows)
    around = rows - (middles / counts[:, np.newaxis])[place]
    one_each = rows[first]
    sizes = {name: int(embeddings[name].shape[1]) for name in models}
    mean, total = one_each.mean(axis=0).astype(np.float32), np.cov(one_each.T).astype(np.float32)
    return Strangers(dict(versions), sizes, mean, total, (around.T @ around / freedom).astype(np.float32), 0.0)


def encode(strangers: Strangers) -> bytes:
    """Return the content of a file that `decode` reads."""
    upper = np.triu_indices(len(strangers.mean))
    content = io.BytesIO()
    np.savez_compressed(
        content,
        models=np.array(list(strangers.sizes)),
        versions=np.array([strangers.versions[name] for name in strangers.sizes]),
        sizes=np.array(list(strangers.sizes.values()), np.int32),
        mean=strangers.mean.astype(np.float32),
        total=(strangers.total[upper] * _SCALE).astype(np.float16),
        within=(strangers.within[upper] * _SCALE).astype(np.float16),
        deviations=np.float64(strangers.deviations),
    )
    return content.getvalue()


def decode(data: bytes) -> Strangers:
    """Read what `encode` wrote. Raises `ValueError`, `KeyError` or `OSError` for anything else."""
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        models = stored["models"].tolist()
        sizes = dict(zip(models, stored["sizes"].tolist(), strict=True))
        mean = stored["mean"].astype(np.float32)
        total, within = (_square(stored[name], sum(sizes.values())) for name in ("total", "within"))
        versions = dict(zip(models, stored["versions"].tolist(), strict=True))
        deviations = float(stored["deviations"])
    if mean.shape != (len(total),) or not all(np.isfinite(one).all() for one in (mean, total, within)):
        raise ValueError("the statistics of strangers are damaged")
    return Strangers(versions, sizes, mean, total, within, deviations)


def _square(upper: npt.NDArray[np.float16], size: int) -> Floats:
    square = np.zeros((size, size), np.float32)
    square[np.triu_indices(size)] = upper.astype(np.float32) / np.float32(_SCALE)
    return np.triu(square) + np.triu(square, 1).T


def load(versions: Mapping[str, str], folder: Path | None = None) -> Strangers:
    """Return the statistics of these models in these versions, in this order; raises `NoStrangersError`."""
    return with_others(versions, folder).of_models(tuple(versions))


def with_others(versions: Mapping[str, str], folder: Path | None = None) -> Strangers:
    """Return the statistics that hold these models in these versions; files in `folder` come before the shipped ones.

    Raises `NoStrangersError`.
    """
    for place in (folder, SHIPPED):
        for file in sorted(place.glob(f"*{SUFFIX}")) if place is not None else ():
            found = decode(file.read_bytes())
            if all(is_same(found.versions.get(name, ""), version) for name, version in versions.items()):
                return found
    raise NoStrangersError(
        f"there are no statistics of strangers for {', '.join(versions)}; run bin/facehash strangers FOLDER"
    )


def is_same(version: str, other: str) -> bool:
    """Whether two versions are of one model, in either precision."""
    return bool(version) and other in (version, other_precision(version))
