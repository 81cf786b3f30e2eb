"""Finding the faces of photos that may lie on their side, or whose faces are small in what was decoded first.

A photo is looked at as it is. Only where that shows no good face, its three other turns are tried at a small scale, and
only where the face found is small and the file has more pixels, it is decoded larger and looked at once more.
"""

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from pipeline.stages.opening import turned
from pipeline.stages.quality.geometry import inter_eye_distance
from pipeline.stages.recheck import without_mistakes
from pipeline.stages.subject import people_of
from pipeline.types import Detection, Detector, Photo, Pixels

SURE = 0.98
"""Likeliness from which on a face is upright. Of 300 ordinary photos 287 reach it; 13 lying on their side do."""

BETTER = (0.0, 0.02, 0.04, 0.02)
"""How much likelier a face has to be after so many quarter turns; upside down, brows and mouth swap their parts."""

MOST_ROLL, ROLLED = 25.0, 0.06
"""Degrees between the eyes and the horizontal from which on a face is by so much less likely to be upright."""

SMALL_AREA = 640 * 480
"""Pixels at which other turns are tried."""

MOST_FACES = 10
"""Faces of one photo that are considered, the largest first."""

FEW_PIXELS = 60.0
"""Pixels between the eyes below which a photo that was decoded at a fraction of its size is decoded larger."""


Closer = Callable[[Photo], Photo | None]
"""Decodes a photo larger; None where it cannot."""


def find_faces(photos: list[Photo], detector: Detector, closer: Closer) -> list[list[Detection]]:
    """Find each photo's faces, largest first, at most ten.

    In `photos` each photo becomes what it was looked at last, turned or decoded larger, so that what it was before can
    be freed. Where a small face would count beside the subject, it is left out unless a second look confirms it.
    """
    found = _detect(photos, detector)
    _turn(photos, found, detector)
    for at, photo in enumerate(photos):
        if _is_small(photo, found[at]):
            photos[at], found[at] = _look_closer(photo, found[at], detector, closer)
    return without_mistakes(photos, found, detector)


def _look_closer(
    photo: Photo, faces: list[Detection], detector: Detector, closer: Closer
) -> tuple[Photo, list[Detection]]:
    """Look at a photo in a larger decode; where that shows no face either, it is not kept."""
    larger = closer(photo)
    if larger is None:
        return photo, faces
    (near,) = _detect([larger], detector)
    return (larger, near) if near else (photo, faces)


def _detect(photos: Sequence[Photo], detector: Detector) -> list[list[Detection]]:
    found = detector.detect([photo.pixels for photo in photos]) if photos else []
    return [sorted(faces, key=lambda one: one.box.area, reverse=True)[:MOST_FACES] for faces in found]


def _turn(photos: list[Photo], found: list[list[Detection]], detector: Detector) -> None:
    """Turn the photos that show a face only, or far better, when they are turned, and look at them again."""
    best = _best_turns(photos, found, detector)
    for at, quarters in best.items():
        photos[at] = turned(photos[at], quarters)
    for at, faces in zip(best, _detect([photos[at] for at in best], detector), strict=True):
        found[at] = faces


def _best_turns(photos: Sequence[Photo], found: Sequence[Sequence[Detection]], detector: Detector) -> dict[int, int]:
    """Return, by the photos' place, how many quarter turns show a face only, or far better, than no turn."""
    doubtful = [at for at, faces in enumerate(found) if _likeliness(faces) < SURE]
    tries = [(at, quarters) for at in doubtful for quarters in (1, 2, 3)]
    small = {at: _small(photos[at].pixels) for at in doubtful}
    views = [np.ascontiguousarray(np.rot90(small[at], quarters)) for at, quarters in tries]
    best: dict[int, tuple[float, int]] = {at: (_likeliness(found[at]), 0) for at in doubtful}
    for (at, quarters), faces in zip(tries, detector.detect(views) if views else [], strict=True):
        best[at] = max(best[at], (_likeliness(faces) - BETTER[quarters], quarters))
    return {at: quarters for at, (_, quarters) in best.items() if quarters}


def _likeliness(faces: Sequence[Detection]) -> float:
    """Return how likely the likeliest face that counts is upright, 0 without a face: people stand the same way up."""
    if not faces:
        return 0.0
    people = people_of(faces)
    return max(map(_uprightness, [people.subject, *people.others]))


def _uprightness(face: Detection) -> float:
    """Return how likely a face is upright, by the detector's confidence and the roll."""
    across, down = face.landmarks[1] - face.landmarks[0]
    is_rolled = abs(math.degrees(math.atan2(down, across))) > MOST_ROLL
    return face.confidence - (ROLLED if is_rolled else 0.0)


def _small(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    factor = math.sqrt(SMALL_AREA / (height * width))
    if factor >= 1:
        return pixels
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _is_small(photo: Photo, faces: Sequence[Detection]) -> bool:
    if photo.scale >= 1:
        return False
    return not faces or inter_eye_distance(faces[0].landmarks) < FEW_PIXELS
