"""Can somebody walk into another person's enrolment by blended photos, and does a blend pass for both of its people?

`python -m tools.evaluation.blends FOLDER` takes pairs of people with many photos: a victim and an attacker. Blends are
made pixel by pixel of two faces that were moved onto the same landmarks. The attacker knows the rules and has the
models: of each two photos, one blend has the largest share of the attacker's face that is still accepted, and of
these blends the one is added that brings the attacker's other photos nearest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from types import SimpleNamespace
from typing import Any

import click
import numpy as np

from codes_dict import Refusal
from pipeline.scoring import load_scorer
from pipeline.stages.align import PORTRAIT_TEMPLATE, crop_face, warp
from pipeline.stages.compare import against_template
from pipeline.stages.guards import check_same_person
from pipeline.types import Box, Crop, Detector, Embedder, EnrolledFaces, Floats, Pixels, Scorer
from tools.cli.options import batches, one_line
from tools.evaluation.decisions import face_of_row
from tools.evaluation.faces import read_photo, subjects
from tools.evaluation.layout import Dataset, LayoutError
from tools.evaluation.workbench import FAULTS, Workbench, common_options, load_detector, prepare

STEPS = 12
SHARES = np.arange(1, 16) / 20
"""The attacker's shares of a blend."""

SIDE = 256
_LANDMARKS: Floats = (PORTRAIT_TEMPLATE * SIDE).astype(np.float32)
_BOX = Box(0.3 * SIDE, 0.28 * SIDE, 0.4 * SIDE, 0.5 * SIDE)
MOST_ENROLLED, BLENDED, FRESH = 2, 3, 3
"""Photos of the victim's first enrolment at most, photos of each that are blended, and photos that try afterwards."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Embeddings of a victim's and an attacker's photos and of their blends, by model.

    `first` are the victim's (MOST_ENROLLED, d), `blends` those of each two photos (BLENDED**2, shares, d), `victim` and
    `attacker` fresh photos.
    """

    first: Mapping[str, Floats]
    blends: Mapping[str, Floats]
    victim: Mapping[str, Floats]
    attacker: Mapping[str, Floats]


@click.command()
@common_options()
@click.option("--pairs", "count", default=16, help="Pairs of people.")
def main(count: int, **given: Any) -> None:
    """Enrol blends of two people."""
    arguments = SimpleNamespace(**given)
    with one_line(*FAULTS):
        bench = prepare(arguments, partial(chosen, count=2 * count, seed=arguments.seed))
        scorer = load_scorer(bench.versions, "cosine", arguments.num_aug, 1e-3, 1e-2)
        pairs = made_pairs(bench)
    for enrolled in range(1, MOST_ENROLLED + 1):
        print(
            f"{STEPS} additions to an enrolment of {enrolled}: {told([walk(one, enrolled, scorer) for one in pairs])}"
        )
    for count, share in product((1, BLENDED), (0.3, 0.4, 0.5, 0.6)):
        accepted = told([morph(one, count, share, scorer) for one in pairs])
        print(f"blends of {share:.0%} alone under a new ID, {count}: {accepted}")


def told(accepted: Sequence[tuple[bool, bool]]) -> str:
    """Return how many victims and attackers were accepted, as text."""
    victims, attackers = (sum(ones) for ones in zip(*accepted, strict=True))
    return f"attackers in {attackers} of {len(accepted)}, victims shut out {len(accepted) - victims}"


def walk(pair: Pair, enrolled: int, scorer: Scorer) -> tuple[bool, bool]:
    """Add a blend in every step; return whether the victim is accepted at the end, and the attacker after any step."""
    known = EnrolledFaces({name: rows[:enrolled] for name, rows in pair.first.items()})
    passed = False
    for _ in range(STEPS):
        known = min(_grown(pair, known, scorer), key=lambda one: _excess(pair.attacker, one, scorer), default=known)
        passed |= _excess(pair.attacker, known, scorer) <= 0.0
    return _excess(pair.victim, known, scorer) <= 0.0, passed


def morph(pair: Pair, count: int, share: float, scorer: Scorer) -> tuple[bool, bool]:
    """Enrol so many blends, of different photos, alone; return whether the victim and the attacker are accepted."""
    at, step = int(np.argmin(np.abs(SHARES - share))), BLENDED + 1
    known = EnrolledFaces({name: rows[: count * step : step, at] for name, rows in pair.blends.items()})
    return _excess(pair.victim, known, scorer) <= 0.0, _excess(pair.attacker, known, scorer) <= 0.0


def _grown(pair: Pair, known: EnrolledFaces, scorer: Scorer) -> Iterator[EnrolledFaces]:
    """Yield the enrolment with one more blend: of each two photos, the one with the attacker's largest share."""
    for two in range(BLENDED**2):
        for share in reversed(range(len(SHARES))):
            blend = {name: rows[two, share : share + 1] for name, rows in pair.blends.items()}
            if _may_be_added(blend, known, scorer):
                yield EnrolledFaces({name: np.concatenate([known[name], blend[name]]) for name in known}, known.first)
                break


def _may_be_added(blend: Mapping[str, Floats], known: EnrolledFaces, scorer: Scorer) -> bool:
    try:
        check_same_person([face_of_row(blend, 0)], known, scorer, "cosine")
    except Refusal:
        return False
    return True


def _excess(photos: Mapping[str, Floats], known: EnrolledFaces, scorer: Scorer) -> float:
    """Return by how much the second of the three photos is over the threshold of 1:1; accepted at 0 or less."""
    scores = np.sort(against_template(photos, known, scorer, "cosine")[0][:, 0])
    return float(scores[1] - scorer.threshold(2, len(scores)))


def chosen(data: Dataset, count: int, seed: int) -> Dataset:
    """Return as many photos as a pair takes of so many people. Raises `LayoutError` where too few have enough."""
    generator = np.random.default_rng([seed, 61])
    person = np.array(data.person)
    needed = BLENDED + FRESH
    people = generator.permutation(np.flatnonzero(np.bincount(person) >= needed))[:count]
    if len(people) < count:
        raise LayoutError(f"{len(people)} people have {needed} photos; {count} are needed.")
    rows = [generator.permutation(np.flatnonzero(person == one))[:needed] for one in people]
    files = tuple(data.files[int(row)] for some in rows for row in some)
    return Dataset(data.name, data.people, files, tuple(np.repeat(people, needed).tolist()))


def made_pairs(bench: Workbench) -> list[Pair]:
    """Blend the photos of every two people of the workbench."""
    detector, pairs = load_detector(), []
    rows_of = [np.flatnonzero(bench.faces.sample.person == one).tolist() for one in dict.fromkeys(bench.data.person)]
    for rows in zip(rows_of[::2], rows_of[1::2], strict=True):
        faces = [[_portrait(bench, row, detector) for row in some[:BLENDED]] for some in rows]
        mixed = (np.rint(one * (1.0 - share) + other * share) for one, other, share in product(*faces, SHARES))
        blends = [np.asarray(blend, np.uint8) for blend in mixed]
        made = _embedded([*faces[0][:MOST_ENROLLED], *blends], bench.embedders)
        shape = (BLENDED**2, len(SHARES), -1)
        walks = {name: values[MOST_ENROLLED:].reshape(shape) for name, values in made.items()}
        first = {name: values[:MOST_ENROLLED] for name, values in made.items()}
        known = bench.faces.sample.embeddings
        fresh = ({name: values[some[-FRESH:]] for name, values in known.items()} for some in rows)
        pairs.append(Pair(first, walks, *fresh))
    return pairs


def _portrait(bench: Workbench, row: int, detector: Detector) -> Pixels:
    photo = read_photo(bench.data.files[int(bench.faces.rows[row])])
    (face,) = subjects([photo], detector)
    assert face is not None  # noqa: S101 - the workbench found it
    return warp(crop_face(photo, face), _LANDMARKS, (SIDE, SIDE))


def _embedded(faces: Sequence[Pixels], embedders: Mapping[str, Embedder]) -> dict[str, Floats]:
    crops = [Crop(pixels, _LANDMARKS, _BOX, str(number)) for number, pixels in enumerate(faces)]
    return {name: np.concatenate([one.embed(some) for some in batches(crops, 32)]) for name, one in embedders.items()}


if __name__ == "__main__":
    main()
