"""False match rates of whole decisions, by simulating requests of people who are somebody else.

Every person of the sample in turn sends `n` of their photos and claims to be every other person, who is enrolled with
`m` photos. The photos are drawn at random several times; the curves hold for people enrolled with one, two or three.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.scoring.curve import LEAST_ERRORS, Curve, grid, measure
from pipeline.scoring.fusion import Fusion
from pipeline.scoring.scorer import SecondLook
from pipeline.types import Bools, Doubles, Floats
from tools.calibration.sample import Ints, Sample, scores_of, shuffled, templates_of

MOST_IMAGES = 5
"""Photos of one request up to which its decisions are measured."""

ENROLLED = (1, 2, 3)
"""Photos that the claimed person is enrolled with."""

VER_TOL_AUG = 20
"""Comparisons that the second look requires by default; the measured second looks are for this number."""

MOST_PEOPLE_AUGMENTED = 400
"""People who try a second look, per number of photos: more would only take longer."""

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
"""Galleries for which the search's rate is kept."""


@dataclass(frozen=True, eq=False)
class Trials:
    """Requests of a sample's people, scored by a fusion; the same seed draws the same photos."""

    sample: Sample
    sim_func: str
    fusion: Fusion
    seed: int

    def first_looks(self, draws: int) -> dict[int, dict[int, Curve]]:
        """Return the first look's curve per number of photos n and of required ones k, 1 <= k <= n <= `MOST_IMAGES`."""
        found: dict[tuple[int, int], list[Floats]] = {}
        independent: dict[int, int] = {}
        for draw in range(draws):
            order = self._order(draw)
            for enrolled in ENROLLED:
                for images, ranked, strangers in self._first_look_draw(order, enrolled):
                    independent[images] = max(independent.get(images, 0), int(strangers.sum()))
                    for required in range(1, images + 1):
                        found.setdefault((images, required), []).append(ranked[:, required - 1][strangers])
        curves: dict[int, dict[int, Curve]] = {}
        for (images, required), parts in found.items():
            if independent[images] > 10 * LEAST_ERRORS:
                curve = measure(np.concatenate(parts), LEAST_ERRORS / independent[images])
                curves.setdefault(images, {})[required] = curve
        return curves

    def _first_look_draw(self, order: Mapping[int, Ints], enrolled: int) -> Iterator[tuple[int, Floats, Bools]]:
        """Yield, per number of photos, every request's scores (as `_ranked`) against people with `enrolled` photos."""
        claimed = [person for person, rows in order.items() if len(rows) >= enrolled]
        if len(claimed) < 2:
            return
        scores = self._against([order[person][:enrolled] for person in claimed], enrolled)
        for images in range(1, MOST_IMAGES + 1):
            ranked, strangers = _ranked(scores, order, claimed, images)
            if len(ranked):
                yield images, ranked, strangers

    def template_shift(self) -> float:
        """Return how much closer strangers come to the template of very many photos than to a single photo.

        At the false match rates 1e-2 and 1e-3 the thresholds for templates of 2, 3, 4 and 6 photos are compared with
        those for one photo of the same people, and a * (1 - 1/m) is fitted to the differences by least squares, each
        weighted by its people. 0 where nobody has two photos.
        """
        order = self._order(55)
        top = bottom = 0.0
        for enrolled in (2, 3, 4, 6):
            claimed = np.array([person for person, rows in order.items() if len(rows) >= enrolled])
            if len(claimed) < 2:
                continue
            strangers = np.not_equal.outer(self.sample.person, claimed)
            single, several = (
                np.quantile(self._against([order[int(one)][:count] for one in claimed], 1)[strangers], (1e-2, 1e-3))
                for count in (1, enrolled)
            )
            size = 1.0 - 1.0 / enrolled
            top += len(claimed) * size * float((single - several).mean())
            bottom += len(claimed) * size * size
        return max(top / bottom, 0.0) if bottom else 0.0

    def second_looks(self) -> tuple[Curve, dict[int, tuple[SecondLook, ...]]]:
        """Return the curve of one augmented comparison, and the second looks per number of photos.

        A second look compares all augmentations of n photos with all m enrolled source crops and requires
        `VER_TOL_AUG` of the comparisons, or all where there are fewer.
        """
        order = self._order(77)
        looks: dict[int, tuple[SecondLook, ...]] = {}
        single: Curve | None = None
        for images in range(1, MOST_IMAGES + 1):
            found = []
            for enrolled in ENROLLED:
                comparisons = images * self.sample.num_aug * enrolled
                required = min(VER_TOL_AUG, comparisons)
                scores, every = self._augmented(order, images, enrolled, required)
                if len(scores) > 10 * LEAST_ERRORS:
                    found.append(SecondLook(required, comparisons, measure(scores, LEAST_ERRORS / len(scores))))
                if single is None and len(every) > 10 * LEAST_ERRORS:
                    single = measure(every, LEAST_ERRORS / len(scores))
            if found:
                looks[images] = tuple(found)
        if single is None:
            raise ValueError("Too few people to measure a second look.")
        return single, looks

    def searches(self) -> dict[int, dict[int, Curve]]:
        """Return the search's false positive identification rate per number of photos and size of the gallery.

        Everybody is enrolled with one photo; who searches is taken out of the gallery. Smaller galleries are all of its
        subsets at once: a searcher with c of G people within the threshold finds nobody in a random N of them with
        probability C(G - c, N) / C(G, N).
        """
        order = self._order(99)
        people = list(order)
        scores = self._against([order[person][:1] for person in people], 1)
        curves: dict[int, dict[int, Curve]] = {}
        others = len(people) - 1
        for images in range(1, MOST_IMAGES + 1):
            ranked, strangers = _ranked(scores, order, people, images)
            if len(ranked) * others <= 10 * LEAST_ERRORS:
                continue
            best = np.sort(np.where(strangers, ranked[:, 0], np.inf), axis=1)
            flat = np.sort(best[:, :others].ravel())
            places = np.unique(np.geomspace(LEAST_ERRORS, len(flat), 400).astype(int)) - 1
            thresholds = flat[places].astype(np.float64)
            within = np.stack([np.searchsorted(row, thresholds, side="right") for row in best])
            within = np.minimum(within, others)
            curves[images] = {
                size: _identification(within, thresholds, others, size, LEAST_ERRORS * size / (len(best) * others))
                for size in sorted({*(one for one in SIZES if one < others), others})
            }
        return curves

    def _order(self, draw: int) -> dict[int, Ints]:
        return shuffled(self.sample, np.random.default_rng([self.seed, draw]))

    def _against(self, groups: Sequence[Ints], enrolled: int) -> Floats:
        """Return every photo's score against the template of each group of rows."""
        targets = templates_of(self.sample, groups, self.sim_func)
        return scores_of(self.sample.embeddings, targets, self.sim_func, self.fusion, enrolled)

    def _augmented(self, order: Mapping[int, Ints], images: int, enrolled: int, required: int) -> tuple[Floats, Floats]:
        """Return the deciding score of every stranger's second look, and a tenth of the single comparisons."""
        sample = self.sample
        senders = np.array([p for p, rows in order.items() if len(rows) >= images][:MOST_PEOPLE_AUGMENTED])
        claimed = np.array([p for p, rows in order.items() if len(rows) >= enrolled])
        if not len(senders) or not len(claimed):
            return np.zeros(0, np.float32), np.zeros(0, np.float32)
        kept = np.concatenate([order[int(person)][:enrolled] for person in claimed])
        targets = {name: values[kept] for name, values in sample.embeddings.items()}
        deciding, every = [], []
        for start in range(0, len(senders), 100):
            part = senders[start : start + 100]
            rows = np.concatenate([order[int(person)][-images:] for person in part])
            probes = {name: values[rows].reshape(-1, values.shape[2]) for name, values in sample.augmented.items()}
            scores = scores_of(probes, targets, self.sim_func, self.fusion, 1)
            shaped = scores.reshape(len(part), images * sample.num_aug, len(claimed), enrolled).transpose(0, 2, 1, 3)
            looks = shaped.reshape(len(part), len(claimed), -1)
            strangers = np.not_equal.outer(part, claimed)
            deciding.append(np.partition(looks, required - 1, axis=2)[:, :, required - 1][strangers])
            every.append(looks[:, :, :: max(sample.num_aug, 1)][strangers].ravel())
        return np.concatenate(deciding), np.concatenate(every)


def _ranked(scores: Floats, order: Mapping[int, Ints], claimed: list[int], images: int) -> tuple[Floats, Bools]:
    """Return each request's scores, lowest first, as (people, images, claimed), and who is a stranger to whom."""
    senders = [person for person, rows in order.items() if len(rows) >= images]
    if not senders:
        return np.zeros((0, images, len(claimed)), np.float32), np.zeros((0, len(claimed)), np.bool_)
    rows = np.concatenate([order[person][-images:] for person in senders])
    ranked = np.sort(scores[rows].reshape(len(senders), images, len(claimed)), axis=1)
    return ranked, np.not_equal.outer(np.array(senders), np.array(claimed))


def _identification(within: Ints, thresholds: Doubles, others: int, size: int, floor: float) -> Curve:
    """Return the curve of one gallery size; `within` counts who is within each threshold: (searchers, thresholds)."""
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, others + 1)))])
    left = others - within
    possible = left >= size
    nobody = factorial[left] - factorial[np.maximum(left - size, 0)] - factorial[others] + factorial[others - size]
    rates = 1.0 - np.where(possible, np.exp(nobody), 0.0).mean(axis=0)
    rates = np.clip(np.maximum.accumulate(rates), 1e-12, 1.0)
    wanted = [rate for rate in grid(min(floor, 1.0)) if rate >= rates[0]]
    index = np.searchsorted(rates, np.asarray(wanted) * (1 + 1e-9), side="right") - 1
    return Curve(tuple(wanted), tuple(float(one) for one in thresholds[np.clip(index, 0, None)]))
