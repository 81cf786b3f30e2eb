"""Distances between embeddings, and a person's template."""

import numpy as np

from pipeline.registry import SIM_FUNCS
from pipeline.types import Doubles, Floats

ADDED = 0.2
"""What later enrolments together may weigh in a template, in parts of the first enrolment's weight.

The more, the more a person's own later photos help, and the further blends of two faces lead: with 0.25, one of 64
attackers reached the victim's threshold, with 0.5 nine (docs/decisions.md).
"""


def distances(probes: Floats, templates: Floats, sim_func: str) -> Floats:
    """Return the distance of every probe to every template, float32 of shape (n, m); smaller is closer.

    `probes` is of shape (n, d), `templates` of shape (m, d), raw embeddings both. "cosine" is 0 to 2, "euclidean_l2"
    0 to 2, "euclidean" 0 and up. Raises `ValueError` for an unknown `sim_func`, for shapes that do not fit, and for
    an embedding that is zero or not finite: such a vector has no direction and must not become a score.
    """
    left, right = checked(probes), checked(templates)
    if left.shape[1] != right.shape[1]:
        raise ValueError(f"Embeddings of {left.shape[1]} and of {right.shape[1]} numbers cannot be compared.")
    if sim_func == "euclidean":
        squares: Doubles = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2.0 * left @ right.T
        return np.asarray(np.sqrt(np.maximum(squares, 0.0)), np.float32)
    if sim_func not in SIM_FUNCS:
        raise ValueError(f"SIM_FUNC is one of {', '.join(SIM_FUNCS)}.")
    cosines = np.clip(normalised(left) @ normalised(right).T, -1.0, 1.0)
    if sim_func == "cosine":
        return (1.0 - cosines).astype(np.float32)
    return np.sqrt(2.0 - 2.0 * cosines).astype(np.float32)


def lengths(probes: Floats, templates: Floats) -> Floats:
    """Return, per probe and template, the sum of the natural logarithms of their lengths: float32 of shape (n, m).

    An embedding's length before normalisation grows with the photo's quality (Meng et al. 2021, MagFace), so it says
    what a distance is worth. Raises `ValueError` as `distances` does.
    """
    left, right = (np.log(np.linalg.norm(checked(one), axis=1)) for one in (probes, templates))
    sums: Floats = np.add.outer(left, right).astype(np.float32)
    return sums


def template(embeddings: Floats, sim_func: str, first: int | None = None) -> Floats:
    """Return a person's template, float32 of shape (d,), from that person's raw embeddings of shape (m, d), m >= 1.

    The direction of the weighted mean of the normalised embeddings, with the embeddings' (geometric) mean length; for
    "euclidean" the weighted mean of the raw ones. With one or two embeddings the weights are equal: of two that differ
    it is unknown which one is wrong. With three or more, each embedding's agreement is its mean cosine to the
    others, and its weight is the square of its agreement over the median agreement, between 0 and 1: what agrees
    as well as the middle one counts fully, an embedding that resembles none of the others hardly counts.
    All after the `first` ones together weigh at most `ADDED` times as much: the first enrolment anchors the template.
    Raises `ValueError` as `distances` does, and where the embeddings cancel out.
    """
    raw = checked(embeddings)
    if len(raw) == 0:
        raise ValueError("A template needs at least one embedding.")
    directions = normalised(raw)
    weights = _anchored(_agreement(directions), len(raw) if first is None else first)
    mean = weights @ (raw if sim_func == "euclidean" else directions) / weights.sum()
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        raise ValueError("The embeddings point in opposite directions: they have no common template.")
    if sim_func != "euclidean":
        typical = np.exp(weights @ np.log(np.linalg.norm(raw, axis=1)) / weights.sum())
        mean = mean / length * typical
    found: Floats = mean.astype(np.float32)
    return found


def _anchored(weights: Doubles, first: int) -> Doubles:
    """Scale the weights of what was added, so that they sum to at most `ADDED` times those of the first ones."""
    most, added = ADDED * float(weights[:first].sum()), float(weights[first:].sum())
    if not 0.0 < most < added:
        return weights
    return np.concatenate([weights[:first], weights[first:] * (most / added)])


def _agreement(directions: Doubles) -> Doubles:
    count = len(directions)
    if count < 3:
        return np.ones(count)
    to_others = ((directions @ directions.T).sum(axis=1) - 1.0) / (count - 1)
    middle = float(np.median(to_others))
    if middle <= 0.0:
        return np.ones(count)
    weights: Doubles = np.clip(to_others / middle, 0.0, 1.0) ** 2
    return weights


def checked(embeddings: Floats) -> Doubles:
    """Return embeddings (n, d) in double precision; raises `ValueError` for one that is zero or not finite."""
    vectors = np.asarray(embeddings, dtype=np.float64)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ValueError("Embeddings are an array of shape (count, length).")
    if not np.isfinite(vectors).all():
        raise ValueError("An embedding has a value that is not a finite number.")
    if not np.linalg.norm(vectors, axis=1).all():
        raise ValueError("An embedding is zero.")
    return vectors


def normalised(vectors: Doubles) -> Doubles:
    """Return vectors (n, d) of length 1."""
    unit: Doubles = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
