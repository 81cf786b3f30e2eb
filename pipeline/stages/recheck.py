"""A second look at faces that are small beside the subject: patterns that look like a face from afar are left out.

Faces of half the subject's size or more always count: no second look tells people in profile or half hidden from
patterns without missing some of them. Only where all others are smaller, each is cut out with its surroundings, scaled
to the size at which the detector is at its best, and has to be found there again, as it is or mirrored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.stages.align import square
from pipeline.stages.subject import beside, people_of
from pipeline.types import Box, Detection, Detector, Photo, Pixels

VIEWS = ((2.0, 192), (3.0, 240))
"""The cuts that a face is looked for in: how many times its box they hold, and their side in pixels."""

HALF = 0.5
"""Size, as a share of the subject's, from which on faces count without a second look."""

SURE = 0.9
"""Confidence in one of the cuts from which on a face is one."""

MOST_LOOKS = 3
"""Faces of one photo that are looked at again; where there are more, all stay. Bounds what one photo costs."""

SAME = 0.3
"""Overlap, intersection over union, from which on what is found in a cut is the face that it was made of."""


@dataclass(frozen=True, eq=False)
class _View:
    """A square cut of a photo: its corner and how many of the photo's pixels one of its own is."""

    pixels: Pixels
    left: float
    top: float
    step: float
    mirrored: bool

    def placed(self, box: Box) -> Box:
        """Return a box of the cut in the photo's pixels."""
        left = len(self.pixels) - box.left - box.width if self.mirrored else box.left
        return Box(
            self.left + left * self.step, self.top + box.top * self.step, box.width * self.step, box.height * self.step
        )


def without_mistakes(
    photos: Sequence[Photo], found: Sequence[Sequence[Detection]], detector: Detector
) -> list[list[Detection]]:
    """Return each photo's faces without those that nearly did not count and are not found again."""
    return [_without_mistakes(*one, detector) for one in zip(photos, found, strict=True)]


def _without_mistakes(photo: Photo, faces: Sequence[Detection], detector: Detector) -> list[Detection]:
    people = people_of(faces) if faces else None
    if people is None or not 0 < len(people.others) <= MOST_LOOKS:
        return list(faces)
    if any(beside(one.box, people.subject.box) >= HALF for one in people.others):
        return list(faces)
    views = [
        [_view(photo.pixels, face.box, *size, mirrored) for size in VIEWS for mirrored in (False, True)]
        for face in people.others
    ]
    seen = iter(detector.detect([view.pixels for its in views for view in its]))
    mistakes = [
        face
        for face, its in zip(people.others, views, strict=True)
        if max([_likeness(view, next(seen), face.box) for view in its]) < SURE
    ]
    return [face for face in faces if not any(face is one for one in mistakes)]


def _view(photo: Pixels, box: Box, around: float, side: int, mirrored: bool) -> _View:
    """Cut a square around a box, averaged where it shrinks: of a large photo the detector has to see the same."""
    length = around * max(box.width, box.height)
    left, top = box.centre[0] - length / 2, box.centre[1] - length / 2
    cut = square(photo, left, top, length, side)
    pixels = np.ascontiguousarray(cut[:, ::-1] if mirrored else cut)
    return _View(pixels, left, top, length / side, mirrored)


def _likeness(view: _View, found: Sequence[Detection], box: Box) -> float:
    """Return the confidence of whatever is found in a cut where the face was, 0 where nothing is."""
    return max((one.confidence for one in found if overlap(view.placed(one.box), box) >= SAME), default=0.0)


def overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes over their union, 0 to 1."""
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    common = max(0.0, across) * max(0.0, down)
    return common / (one.area + other.area - common)
