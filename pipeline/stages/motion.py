"""Cues between the photos of a request: does the face move like a head, or like a picture that somebody holds?

Between two photos a flat picture's landmarks change, to a good approximation, by an affine map, however it is turned. A
head has depth: when it turns, the tip of the nose moves against the eyes, and no affine map explains that (Koenderink
and van Doorn, "Affine structure from motion", 1991). Five landmarks are few and noisy, so the cue speaks only where
the shape changed a lot over three photos or more, and stays silent else; docs/liveness.md has the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from pipeline.ledger import Ledger
from pipeline.stages.sightings import Sighting, largest_of_each
from pipeline.types import Floats, Liveness

LEAST_PHOTOS = 3
LEAST_CHANGE = 0.08
"""Change of shape, as a share of the landmarks' spread, from which on there is something to tell."""
MOST_PARALLAX = 0.35
"""Share of the change that an affine map may leave unexplained where the face is flat."""

_FLAT = "the face moves like a flat picture: turn your head, not the camera"

_Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cues:
    """What the photos say together.

    `change` is the largest change of the landmarks' shape between two photos, `parallax` the largest part of one that
    no flat picture could have made; both as shares of the landmarks' spread, 0 where there is one photo.
    """

    photos: int
    change: float
    parallax: float

    @property
    def flat(self) -> bool:
        """Whether the face moved like a flat picture."""
        enough = self.photos >= LEAST_PHOTOS and self.change >= LEAST_CHANGE
        return enough and self.parallax <= MOST_PARALLAX * self.change


def heed_cues(faces: Sequence[Sighting], copies: int, ledger: Ledger) -> list[Sighting]:
    """Return the faces; a live one that moves like a flat picture, the largest of its photo, becomes uncertain.

    What photos say together counts against a face, never for it. `copies` counts the request's near-identical photos:
    that is recorded and no more, for honest frames can be as alike.
    """
    main = largest_of_each(faces)
    if len(main) < 2:
        return list(faces)
    with ledger.stage("cues", len(main)) as row:
        cues = cues_between([face.detection.landmarks for face in main])
        numbers = {"change": round(cues.change, 4), "parallax": round(cues.parallax, 4)}
        row.note(photos=cues.photos, near_identical=copies, **numbers, flat=cues.flat)
        row.went_out = 0 if cues.flat else len(main)
        if not cues.flat:
            return list(faces)
        row.advice = _FLAT
    return [_doubted(face) if face in main else face for face in faces]


def _doubted(face: Sighting) -> Sighting:
    if face.verdict is None or face.verdict.state is not Liveness.LIVE:
        return face
    return replace(face, verdict=replace(face.verdict, state=Liveness.UNCERTAIN, reason=_FLAT))


def cues_between(landmarks: Sequence[Floats]) -> Cues:
    """Compare the five landmarks, (5, 2) each in its photo's pixels, of one face in several photos."""
    points = [one.astype(np.float64) for one in landmarks]
    pairs = [*combinations(points, 2), *((other, one) for one, other in combinations(points, 2))]
    change = max((_unexplained(_similarity(one), other) for one, other in pairs), default=0.0)
    parallax = max((_unexplained(_affinity(one), other) for one, other in pairs), default=0.0)
    return Cues(len(points), change, parallax)


def _similarity(points: _Points) -> _Points:
    """Return the design matrix of maps that turn, scale and move: (10, 4)."""
    one, none = np.ones(len(points)), np.zeros(len(points))
    across = np.column_stack([points[:, 0], -points[:, 1], one, none])
    down = np.column_stack([points[:, 1], points[:, 0], none, one])
    return np.vstack([across, down])


def _affinity(points: _Points) -> _Points:
    """Return the design matrix of affine maps: (10, 6)."""
    plain = np.column_stack([points, np.ones(len(points))])
    return np.kron(np.eye(2), plain).astype(np.float64)


def _unexplained(design: _Points, target: _Points) -> float:
    """Return what the best map of a kind leaves over, root mean square, as a share of the target's spread."""
    wanted = target.T.ravel()
    spread = float(np.sqrt(((target - target.mean(axis=0)) ** 2).sum(axis=1).mean()))
    if spread <= 0:
        return 0.0
    best = np.linalg.lstsq(design, wanted, rcond=None)[0]
    return float(np.sqrt(((design @ best - wanted) ** 2).sum() / len(target))) / spread
