"""How well the quality score predicts recognition errors and stops photos that would cause them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.stages.align import crop_face
from pipeline.stages.quality import assess, look
from pipeline.types import Detection, Detector, Doubles, Embedder, Face, Floats, Photo, Quality
from tools.calibration.sample import Ints
from tools.evaluation.brisque import brisque_scores
from tools.evaluation.degrade import DEGRADATIONS
from tools.evaluation.faces import read_photo, subject
from tools.evaluation.roc import tar_at

PASS = 7.0
"""The default SCORE_TOL: portraits should reach it, degraded copies should not."""

WORST = 0.1
"""Share of the photos that is left out to see how many errors go with them."""

FMR = 1e-3
COPIES_OF = 250
"""How many people's portraits are degraded."""

LEAST_TURNED = 20
"""With fewer strongly turned heads, their share is not reported."""

AT_ONCE = 16


@dataclass(frozen=True)
class QualityReport:
    """Rates as fractions; None where the data cannot show one.

    `fnmr_drop_10`: by how much leaving out the worst tenth by our score cuts FNMR at FMR 1e-3; `brisque_drop_10`: the
    same by BRISQUE; `portraits_passed` and, per kind of degraded copy, `degraded_stopped` at SCORE_TOL 7; there, `yaw`
    are the strongly turned heads, where there are `LEAST_TURNED` of them. `turned` is how many there were.
    """

    fnmr_drop_10: float | None
    brisque_drop_10: float | None
    portraits_passed: float
    degraded_stopped: Mapping[str, float]
    turned: int


@dataclass(frozen=True, eq=False)
class Assessor:
    """The product's own way from a photo to its quality."""

    detector: Detector
    embedders: Mapping[str, Embedder]

    def photos(self, photos: Sequence[Photo]) -> list[Quality]:
        """Assess each photo by the face that it is of; one call per model for all of them."""
        faces = [_faces(photo, found) for photo, found in zip(photos, self._detect(photos), strict=True)]
        looks = iter(look([one[0].crop for one in faces if one], self.embedders))
        return [
            assess(photo, its, next(looks) if its else None, PASS) for photo, its in zip(photos, faces, strict=True)
        ]

    def files(self, files: Sequence[Path]) -> Doubles:
        """Return the score of every photo file. Raises `LayoutError` where one is not a photo."""
        scores: list[float] = []
        for part in _parts(files):
            scores.extend(one.score for one in self.photos([read_photo(file) for file in part]))
        return np.array(scores)

    def _detect(self, photos: Sequence[Photo]) -> list[list[Detection]]:
        return self.detector.detect([photo.pixels for photo in photos])


def quality_report(
    files: Sequence[Path],
    person: Ints,
    scores: Floats,
    assessor: Assessor,
    brisque_environment: Path | None,
    seed: int = 0,
    turned: Sequence[Photo] = (),
) -> QualityReport:
    """Measure the quality score on photos of people, and on photos of strongly turned heads.

    `files[i]` is the photo of `person[i]`; `scores` are the fused scores of all pairs i < j in the order of
    `numpy.triu_indices(n, 1)`, lower is closer. BRISQUE is left out where `brisque_environment` is None (see
    `brisque_scores`). Raises `LayoutError` and `BrisqueUnavailable`.
    """
    theirs = None if brisque_environment is None else -np.array(brisque_scores(files, brisque_environment))
    ours = assessor.files(files)
    return QualityReport(
        fnmr_drop(ours, person, scores),
        None if theirs is None else fnmr_drop(theirs, person, scores),
        float(np.mean(ours >= PASS)),
        degraded_stopped(files, person, assessor, seed) | turned_stopped(turned, assessor),
        len(turned),
    )


def fnmr_drop(quality: Doubles, person: Ints, scores: Floats, worst: float = WORST, fmr: float = FMR) -> float | None:
    """Return the share of the false non-matches at `fmr` that goes when the `worst` share of photos is left out.

    The threshold is recomputed on the remaining photos, so that the false match rate stays the same. None if the
    data has no false non-match or too few impostor pairs.
    """
    left, right = np.triu_indices(len(person), 1)
    same = person[left] == person[right]
    kept = np.ones(len(person), dtype=np.bool_)
    kept[np.argsort(quality, kind="stable")[: round(len(person) * worst)]] = False
    both = kept[left] & kept[right]
    before = tar_at(scores[same].astype(np.float64), scores[~same].astype(np.float64), fmr)
    after = tar_at(scores[same & both].astype(np.float64), scores[~same & both].astype(np.float64), fmr)
    if before is None or after is None or before == 1.0:
        return None
    return 1.0 - (1.0 - after) / (1.0 - before)


def degraded_stopped(
    files: Sequence[Path], person: Ints, assessor: Assessor, seed: int, copies_of: int = COPIES_OF
) -> dict[str, float]:
    """Return, for each kind of degraded copy, the share that scores below 7; no face found counts as stopped."""
    rng = np.random.default_rng(seed)
    people = np.unique(person, return_index=True)[1]
    chosen = [files[int(row)] for row in rng.permutation(people)[:copies_of]]
    stopped: dict[str, list[bool]] = {kind: [] for kind in DEGRADATIONS}
    for part in _parts(chosen):
        for kind, copies in _copies([read_photo(file) for file in part], assessor.detector, rng).items():
            stopped[kind].extend(quality.score < PASS for quality in assessor.photos(copies))
    return {kind: float(np.mean(values)) for kind, values in stopped.items() if values}


def turned_stopped(turned: Sequence[Photo], assessor: Assessor) -> dict[str, float]:
    """Return, as `yaw`, the share of strongly turned heads that scores below 7; nothing where they are too few."""
    if len(turned) < LEAST_TURNED:
        return {}
    parts = [turned[start : start + AT_ONCE] for start in range(0, len(turned), AT_ONCE)]
    stopped = [quality.score < PASS for part in parts for quality in assessor.photos(part)]
    return {"yaw": float(np.mean(stopped))}


def _copies(photos: Sequence[Photo], detector: Detector, rng: np.random.Generator) -> dict[str, list[Photo]]:
    copies: dict[str, list[Photo]] = {kind: [] for kind in DEGRADATIONS}
    for photo, found in zip(photos, detector.detect([one.pixels for one in photos]), strict=True):
        if found:
            height, width = photo.pixels.shape[:2]
            face = subject(found, width, height)
            for kind, degrade in DEGRADATIONS.items():
                copies[kind].append(Photo(photo.name, degrade(photo.pixels, face, rng), f"{photo.digest}:{kind}"))
    return copies


def _faces(photo: Photo, found: Sequence[Detection]) -> list[Face]:
    """Return the photo's faces, the one that it is of first."""
    if not found:
        return []
    height, width = photo.pixels.shape[:2]
    first = subject(found, width, height)
    order = [first, *(one for one in found if one is not first)]
    return [Face(photo, one, crop_face(photo, one)) for one in order]


def _parts(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    for start in range(0, len(files), AT_ONCE):
        yield files[start : start + AT_ONCE]
