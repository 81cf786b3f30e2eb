"""Thresholds from measured false match rates.

**The accept rule, as one system.** A 1:1 request is accepted where one of three parts accepts it:

1. first look: `required` of `images` distinct images score at or under `threshold(required, images)`;
2. second look: `required` of `comparisons` augmented comparisons score at or under `second_look_threshold(...)`;
3. search (code 134): `required` of `images` distinct images score at or under both `search_threshold(...)` and
   `found_threshold(required, images)`.

What else refuses (somebody nearer, photos that contradict each other) only lowers the rate.

The stated false match rate is split over the three by the calibration's `Budget`, whose parts sum to 1, and every
part is calibrated for its own number of images. So the rate of the three together cannot exceed the stated one,
whatever VER_TOL, VER_TOL_AUG, the number of photos or the gallery's size; with `skip_verify` the third part stands
alone and keeps to its share. Part 3 assumes a gallery so small that the search threshold never binds.

**More images than were calibrated.** If a single comparison passes at rate p, then at least k of n pass at a rate of
at most n/k times p, however they depend on each other (Markov's inequality). The threshold beyond the measured numbers
of images is that of a single comparison at k/n of the rate: never less strict than it has to be. A rate lower than the
data can show gives minus infinity: nothing passes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.scoring.curve import Curve
from pipeline.scoring.fusion import Fusion
from pipeline.types import Counts, Floats

MISMATCH_RATE = 0.1
"""Strangers' photos that pass for possibly the person's; of photos beyond it nobody has to be asked."""

RIVAL_MARGIN = 0.6
"""In standard deviations of strangers' scores: what another ID has to be nearer by to refuse a claim."""

ADDITION_RATE = 1e-4
"""The false match rate at which a face may be added: a blend that passes has less of the other person."""

SAME_PERSON_RATE = 1e-6
"""The false match rate at which two templates agree so closely that they are one person under two IDs."""


@dataclass(frozen=True)
class Budget:
    """How the stated false match rate is split over the three parts of the accept rule; they sum to 1."""

    first: float
    second: float
    search: float

    def __post_init__(self) -> None:
        parts = (self.first, self.second, self.search)
        if min(parts) <= 0.0 or abs(sum(parts) - 1.0) > 1e-9:
            raise ValueError("The parts of a budget are above 0 and sum to 1.")


@dataclass(frozen=True)
class SecondLook:
    """The measured second look: at least `required` of `comparisons` augmented comparisons."""

    required: int
    comparisons: int
    curve: Curve


@dataclass(frozen=True)
class Measured:
    """What was measured for one set of models and one SIM_FUNC.

    `single` and `augmented` are false match rates of one comparison; `first[images][required]` those of the first
    look, which is also the search's for `required` = 1; `second[images]` the second looks; `search[images][people]`
    false positive identification rates; `models[name]` a single comparison's by each model's own distance.
    """

    fusion: Fusion
    budget: Budget
    single: Curve
    augmented: Curve
    first: Mapping[int, Mapping[int, Curve]]
    second: Mapping[int, tuple[SecondLook, ...]]
    search: Mapping[int, Mapping[int, Curve]]
    models: Mapping[str, Curve]


@dataclass(frozen=True)
class CalibratedScorer:
    """Thresholds at the stated false match rates `fmr` (1:1, the whole accept rule) and `fpir` (search)."""

    measured: Measured
    fmr: float
    fpir: float

    @property
    def models(self) -> tuple[str, ...]:
        """The models whose distances `fuse` expects."""
        return self.measured.fusion.models

    @property
    def calibrated(self) -> bool:
        """Thresholds come from measured rates."""
        return True

    def fuse(
        self,
        distances: Mapping[str, Floats],
        enrolled: Counts | int | None = None,
        lengths: Mapping[str, Floats] | None = None,
    ) -> Floats:
        """Fuse each model's distances to templates of `enrolled` photos; see `Fusion.fuse`."""
        return self.measured.fusion.fuse(distances, enrolled, lengths)

    def threshold(self, required: int, images: int) -> float:
        """Return the first look's threshold: `required` of `images` images have to score at or under it."""
        return self._first(self.fmr * self.measured.budget.first, required, images)

    def threshold_at(self, rate: float) -> float:
        """Return the score at which a single image just passes at the stated rate; minus infinity below the data."""
        return self._first(rate * self.measured.budget.first, 1, 1)

    @property
    def typical_stranger(self) -> float:
        """The median of strangers' scores."""
        return self.measured.single.score(0.5)

    def second_look_threshold(self, required: int, comparisons: int, images: int) -> float:
        """Return the second look's threshold: `required` of `comparisons`, made from `images` images."""
        check_required(required, comparisons)
        rate = self.fmr * self.measured.budget.second
        curve = self._second(required, comparisons, images)
        if curve is not None and rate >= curve.floor:
            return curve.score(rate)
        return self.measured.augmented.score(rate * required / comparisons)

    def found_threshold(self, required: int, images: int) -> float:
        """Return the 1:1 threshold of code 134: `required` of `images` images have to score at or under it."""
        return self._first(self.fmr * self.measured.budget.search, required, images)

    def search_threshold(self, people: int, images: int) -> float:
        """Return the search's threshold: somebody's best score over `images` images, among `people` people.

        At most a share `fpir` of requests by people who are not enrolled find anybody. The rate is measured for some
        sizes of the gallery and numbers of images, and bounded for all others: a gallery is at most people/G galleries
        of G people, and n images find at most n times as often as one, and a comparison at a time. Of the thresholds
        that the data show to keep the rate, the loosest counts. Beyond what they can show it is the strictest that
        they show: of anything stricter nothing is known.
        """
        bounds = self._search_bounds(people, images)
        loosest = max(curve.score(self.fpir / bound) for curve, bound in bounds)
        return loosest if loosest > -math.inf else min(curve.scores[0] for curve, _ in bounds)

    def fpir_at(self, score: float, people: int, images: int) -> float | None:
        """Return the least share of strangers' searches that the data show to find anybody at this score."""
        return min(1.0, *(curve.rate(score) * bound for curve, bound in self._search_bounds(people, images)))

    def _search_bounds(self, people: int, images: int) -> list[tuple[Curve, float]]:
        """Return the measured curves, each with how many times as often this search finds somebody at most."""
        if people < 0 or images < 1:
            raise ValueError(f"{images} images cannot search among {people} people.")
        everybody = max(people, 1)
        bounds = [(self.measured.single, float(everybody * images))]
        for photos in {1, images} & set(self.measured.search):
            for size, curve in self.measured.search[photos].items():
                bounds.append((curve, images / photos * max(1.0, everybody / size)))
        return bounds

    @property
    def mismatch_threshold(self) -> float:
        """The score above which a stranger's photo is with a probability of 1 - `MISMATCH_RATE`."""
        return self.measured.single.score(MISMATCH_RATE)

    @property
    def rival_margin(self) -> float:
        """`RIVAL_MARGIN` standard deviations of strangers' scores, read off the median and the lower 15.9 %."""
        single = self.measured.single
        return RIVAL_MARGIN * (single.score(0.5) - single.score(0.1587))

    @property
    def addition_threshold(self) -> float:
        """The 1:1 threshold of one photo at `ADDITION_RATE`, or stricter where the stated rate is lower."""
        single = self.measured.single
        return min(single.score(max(ADDITION_RATE, single.floor)), self.threshold(1, 1))

    @property
    def same_person_threshold(self) -> float:
        """The score of two templates at a false match rate of `SAME_PERSON_RATE`, if the data show such a rate."""
        return self.measured.single.score(SAME_PERSON_RATE)

    def model_threshold(self, model: str) -> float:
        """Return the distance at which `model` alone would vote for one image, at the stated rate."""
        curve = self.measured.models[model]
        return curve.score(max(self.fmr, curve.floor))

    def fmr_at(self, score: float, required: int, images: int) -> float | None:
        """Return the stated rate at which a first look whose `required`-th best score is `score` just passes."""
        return self._stated(*self._first_rate(score, required, images), self.measured.budget.first)

    def fmr_at_found(self, score: float, required: int, images: int) -> float | None:
        """Return the stated rate at which code 134 just passes with a `required`-th best score of `score`."""
        return self._stated(*self._first_rate(score, required, images), self.measured.budget.search)

    def fmr_at_second_look(self, score: float, required: int, comparisons: int, images: int) -> float | None:
        """Return the stated rate at which a second look whose `required`-th best score is `score` just passes."""
        check_required(required, comparisons)
        curve = self._second(required, comparisons, images)
        if curve is not None:
            return self._stated(curve.rate(score), 1.0, self.measured.budget.second)
        bound = comparisons / required
        return self._stated(self.measured.augmented.rate(score), bound, self.measured.budget.second)

    def _first(self, rate: float, required: int, images: int) -> float:
        check_required(required, images)
        curve = self.measured.first.get(images, {}).get(required)
        if curve is not None and rate >= curve.floor:
            return curve.score(rate)
        return self.measured.single.score(rate * required / images)

    def _first_rate(self, score: float, required: int, images: int) -> tuple[float, float]:
        check_required(required, images)
        curve = self.measured.first.get(images, {}).get(required)
        if curve is not None:
            return curve.rate(score), 1.0
        return self.measured.single.rate(score), images / required

    def _second(self, required: int, comparisons: int, images: int) -> Curve | None:
        looks = self.measured.second.get(images, ())
        return next((x.curve for x in looks if x.comparisons == comparisons and x.required <= required), None)

    def _stated(self, rate: float, bound: float, share: float) -> float:
        return min(1.0, rate * bound / share)


def check_required(required: int, of: int) -> None:
    """Raise `ValueError` where `required` of so many cannot be required."""
    if not 1 <= required <= of:
        raise ValueError(f"{required} of {of} cannot be required.")
