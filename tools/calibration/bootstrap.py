"""Thresholds at false match rates with confidence intervals; the bootstrap draws people, not pairs.

Pairs that share a person are not independent, so resampling pairs would give intervals that are far too narrow.
A draw gives every person a count; an impostor pair then counts as the product of its two people's counts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.scoring.curve import LEAST_ERRORS
from pipeline.types import Doubles
from tools.calibration.sample import Ints, PairScores

TAIL = 3.0
"""How far beyond the highest rate the tail is kept, as a factor, so that a draw never needs what was cut."""


def table(pairs: PairScores, rates: Sequence[float], draws: int, seed: int) -> dict[str, Any]:
    """Return, per rate, the threshold, its 95 % interval, and the true accept rate there with its own.

    A rate that fewer than ten of the impostor pairs would show is refused: its entry is None.
    """
    shown = [rate for rate in rates if shows(len(pairs.impostor), rate)]
    found: dict[str, Any] = {rate_name(rate): None for rate in rates}
    if not shown:
        return found
    order = _tail(pairs, max(shown))
    everyone = int(max(pairs.genuine_person.max(), *(side.max() for side in pairs.impostor_people))) + 1
    images = _images(pairs, everyone)
    plain = _draw(pairs, order, images, np.ones(everyone), shown)
    generator = np.random.default_rng(seed)
    present = np.flatnonzero(images)
    drawn = []
    for _ in range(draws):
        chosen = generator.choice(present, len(present))
        drawn.append(_draw(pairs, order, images, np.bincount(chosen, minlength=everyone).astype(float), shown))
    for index, rate in enumerate(shown):
        threshold, tar = plain[index]
        spread = np.array([one[index] for one in drawn])
        found[rate_name(rate)] = {
            "threshold": round(threshold, 6),
            "threshold_interval": [round(end, 6) for end in middle(spread[:, 0])],
            "tar": round(tar, 6),
            "tar_interval": [round(end, 6) for end in middle(spread[:, 1])],
            "errors": int((pairs.impostor <= threshold).sum()),
            "comparisons": len(pairs.impostor),
        }
    return found


def shows(comparisons: int, rate: float) -> bool:
    """Whether so many impostor comparisons can show `rate`: at least ten of them must be within it."""
    return comparisons * rate * (1 + 1e-9) >= LEAST_ERRORS


def rate_name(rate: float) -> str:
    """Return a rate as the files name it: 0.001 is 1e-3."""
    mantissa, exponent = f"{rate:.6e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def middle(values: Sequence[float] | Doubles) -> list[float]:
    """Return the ends of the middle 95 % of bootstrap values."""
    return [float(end) for end in np.quantile(values, (0.025, 0.975))]


def _tail(pairs: PairScores, highest: float) -> Ints:
    """Return the impostor pairs of the lowest scores, closest first, as far as any draw can need them."""
    count = min(len(pairs.impostor), int(len(pairs.impostor) * min(1.0, highest * TAIL)) + 1)
    chosen = np.argpartition(pairs.impostor, count - 1)[:count]
    order: Ints = chosen[np.argsort(pairs.impostor[chosen], kind="stable")]
    return order


def _images(pairs: PairScores, everyone: int) -> Doubles:
    """Return everybody's number of photos: of k photos, each makes k - 1 genuine pairs, of all n, n - k impostors."""
    first, second = pairs.impostor_people
    sides = np.bincount(first, minlength=everyone) + np.bincount(second, minlength=everyone)
    genuine = 2 * np.bincount(pairs.genuine_person, minlength=everyone)
    total = (1 + np.sqrt(1 + 4 * float(sides.sum() + genuine.sum()))) / 2
    images: Doubles = np.round((sides + genuine) / max(total - 1, 1))
    return images


def _draw(
    pairs: PairScores, order: Ints, images: Doubles, counts: Doubles, rates: Sequence[float]
) -> list[tuple[float, float]]:
    left, right = pairs.impostor_people
    weights = np.cumsum(counts[left[order]] * counts[right[order]])
    mass = images * counts
    total = (mass.sum() ** 2 - (mass**2).sum()) / 2
    genuine = counts[pairs.genuine_person]
    found = []
    for rate in rates:
        place = int(np.searchsorted(weights, rate * total * (1 + 1e-12), side="right")) - 1
        threshold = float(pairs.impostor[order[min(max(place, 0), len(order) - 1)]])
        accepted = float((genuine * (pairs.genuine <= threshold)).sum() / max(genuine.sum(), 1e-12))
        found.append((threshold, accepted))
    return found
