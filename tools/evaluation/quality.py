"""How well the quality score predicts recognition errors and stops photos that would cause them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.stages.align import crop_face
from pipeline.stages.quality import assess, look
from pipeline.types import Detection, Detector, Doubles, Embedder, Face, Floats, Photo, Quality
from tools.calibration.sample import Ints
from tools.cli.options import batches
from tools.evaluation.brisque import brisque_scores
from tools.evaluation.degrade import DEGRADATIONS
from tools.evaluation.faces import read_photo, subject, subjects
from tools.evaluation.recognition import tar_at

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


@dataclass(frozen=True, eq=False)
class Assessor:
    """The product's own way from a photo to its quality."""

    detector: Detector
    embedders: Mapping[str, Embedder]

    def photos(self, photos: Sequence[Photo]) -> list[Quality]:
        """Assess each photo by the face that it is of; one call per model for all of them."""
        found = self.detector.detect([photo.pixels for photo in photos])
        faces = [_faces(photo, its) for photo, its in zip(photos, found, strict=True)]
        looks = iter(look([one[0].crop for one in faces if one], self.embedders))
        return [
            assess(photo, its, next(looks) if its else None, PASS) for photo, its in zip(photos, faces, strict=True)
        ]

    def files(self, files: Sequence[Path]) -> Doubles:
        """Return the score of every photo file. Raises `LayoutError` where one is not a photo."""
        parts = batches(map(read_photo, files), AT_ONCE)
        return np.array([one.score for part in parts for one in self.photos(part)])


def quality_report(
    files: Sequence[Path],
    person: Ints,
    scores: Floats,
    assessor: Assessor,
    brisque_environment: Path | None,
    seed: int = 0,
    turned: Sequence[Photo] = (),
) -> dict[str, Any]:
    """Measure the quality score on photos of people, and on photos of strongly turned heads.

    `files[i]` is the photo of `person[i]`; `scores` are the fused scores of all pairs i < j in the order of
    `numpy.triu_indices(n, 1)`, lower is closer. BRISQUE is left out where `brisque_environment` is None (see
    `brisque_scores`). Raises `LayoutError` and `BrisqueUnavailable`.

    Returns rates as fractions, None where the data cannot show one. `fnmr_drop_10`: by how much leaving out the worst
    tenth by our score cuts FNMR at FMR 1e-3; `brisque_drop_10`: the same by BRISQUE; `portraits_passed` and, per kind
    of degraded copy, `degraded_stopped` at SCORE_TOL 7; there, `yaw` are the strongly turned heads, where there are
    `LEAST_TURNED` of them. `turned_frames` is how many there were.
    """
    theirs = None if brisque_environment is None else -np.array(brisque_scores(files, brisque_environment))
    ours = assessor.files(files)
    return {
        "fnmr_drop_10": fnmr_drop(ours, person, scores),
        "brisque_drop_10": None if theirs is None else fnmr_drop(theirs, person, scores),
        "portraits_passed": float(np.mean(ours >= PASS)),
        "degraded_stopped": degraded_stopped(files, person, assessor, seed) | turned_stopped(turned, assessor),
        "turned_frames": len(turned),
    }


def fnmr_drop(quality: Doubles, person: Ints, scores: Floats) -> float | None:
    """Return the share of the false non-matches at `FMR` that goes when the `WORST` share of photos is left out.

    The threshold is recomputed on the remaining photos, so that the false match rate stays the same. None if the
    data has no false non-match or too few impostor pairs.
    """
    left, right = np.triu_indices(len(person), 1)
    same = person[left] == person[right]
    kept = np.ones(len(person), dtype=np.bool_)
    kept[np.argsort(quality, kind="stable")[: round(len(person) * WORST)]] = False
    before, after = (
        tar_at(scores[same & some].astype(np.float64), scores[~same & some].astype(np.float64), FMR)
        for some in (np.True_, kept[left] & kept[right])
    )
    if before is None or after is None or before == 1.0:
        return None
    return 1.0 - (1.0 - after) / (1.0 - before)


def degraded_stopped(files: Sequence[Path], person: Ints, assessor: Assessor, seed: int) -> dict[str, float]:
    """Return, for each kind of degraded copy, the share that scores below 7; no face found counts as stopped."""
    rng = np.random.default_rng(seed)
    people = np.unique(person, return_index=True)[1]
    chosen = [files[int(row)] for row in rng.permutation(people)[:COPIES_OF]]
    stopped: dict[str, list[bool]] = {kind: [] for kind in DEGRADATIONS}
    for part in batches(map(read_photo, chosen), AT_ONCE):
        for kind, copies in _copies(part, assessor.detector, rng).items():
            stopped[kind].extend(quality.score < PASS for quality in assessor.photos(copies))
    return {kind: float(np.mean(values)) for kind, values in stopped.items() if values}


def turned_stopped(turned: Sequence[Photo], assessor: Assessor) -> dict[str, float]:
    """Return, as `yaw`, the share of strongly turned heads that scores below 7; nothing where they are too few."""
    if len(turned) < LEAST_TURNED:
        return {}
    stopped = [quality.score < PASS for part in batches(turned, AT_ONCE) for quality in assessor.photos(part)]
    return {"yaw": float(np.mean(stopped))}


def _copies(photos: Sequence[Photo], detector: Detector, rng: np.random.Generator) -> dict[str, list[Photo]]:
    copies: dict[str, list[Photo]] = {kind: [] for kind in DEGRADATIONS}
    for photo, face in zip(photos, subjects(photos, detector), strict=True):
        if face is None:
            continue
        for kind, degrade in DEGRADATIONS.items():
            copies[kind].append(Photo(photo.name, degrade(photo.pixels, face, rng), f"{photo.digest}:{kind}"))
    return copies


def _faces(photo: Photo, found: Sequence[Detection]) -> list[Face]:
    """Return the photo's faces, the one that it is of first."""
    first = subject(photo, found)
    order = sorted(found, key=lambda one: one is not first)
    return [Face(photo, one, crop_face(photo, one)) for one in order]
