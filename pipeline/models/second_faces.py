"""People beside the subject whom the detector nearly finds: half hidden, or cut by the photo's edge.

Where one face counts, what the networks did not quite take for a face beside it is looked at once more: cut out, as it
is and mirrored, at the size at which they are at their best, with a grey frame so that they see its edges.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipeline.types import Box, Detection, Pixels

Boxes = npt.NDArray[np.float64]
"""One a row: left, top, right, bottom, score."""

DOUBTFUL, LIKELY, SURE = 0.05, 0.7, 0.9
"""Least scores of what is looked at again, by the second and by the third network, and the confidence to find there."""
FRAME = 0.25
"""Width of the frame, as a share of the cut's side."""
MOST = 3
"""People beside the subject who are looked for in one photo."""

COUNTS, TRIED = 0.4, 0.36
"""Sizes, as shares of the subject's, from which another face counts (`pipeline.stages.subject`), and is tried."""
_COVERED = 0.5
"""Share of the smaller of two boxes that they have in common where they may be one face."""
_SAME = 0.3
_AROUND, _SIDE = 1.4, 134.0
"""How many times the box a cut holds, and its side in pixels."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A part of a photo around a box: where it begins, and the factor to look at it with."""

    pixels: Pixels
    left: int
    top: int
    scale: float
    mirrored: bool

    def placed(self, face: Detection) -> Detection:
        """Return a face of the cut with its box in the photo's pixels; its landmarks have to be placed anew."""
        box = face.box
        left = self.pixels.shape[1] - box.left - box.width if self.mirrored else box.left
        return replace(face, box=Box(self.left + left, self.top + box.top, box.width, box.height))


def beside_subject(boxes: Boxes, faces: Boxes, least: float = TRIED) -> Boxes:
    """Return the boxes that may be people beside the one who counts among `faces`; none where nobody or several do.

    `least` is their size as a share of the subject's.
    """
    sizes = _sizes(faces)
    counted = faces[sizes >= COUNTS * sizes.max(initial=0.0)]
    if len(counted) != 1:
        return boxes[:0]
    is_large = _sizes(boxes) >= least * sizes.max()
    is_apart = _common(boxes, counted[0]) <= _COVERED * np.minimum(_sizes(boxes), sizes.max()) ** 2
    return np.asarray(boxes[is_large & is_apart])


def cuts_of(photo: Pixels, box: Box) -> list[Cut]:
    """Return the surroundings of a box, as they are and mirrored."""
    length = _AROUND * max(box.width, box.height)
    left, top = (int(max(0.0, middle - length / 2)) for middle in box.centre)
    part = photo[top : int(box.centre[1] + length / 2), left : int(box.centre[0] + length / 2)]
    scale = min(1.0, _SIDE / length)
    return [Cut(part, left, top, scale, False), Cut(np.ascontiguousarray(part[:, ::-1]), left, top, scale, True)]


def confirmed(doubtful: Detection, seen: Sequence[Detection], faces: Sequence[Detection]) -> list[Detection]:
    """Return the surest of `seen` that is the doubtful one, and a person beside the subject of `faces`; or none."""
    rows, box = rows_of(seen), rows_of([doubtful])[0]
    common = _common(rows, box)
    is_same = common >= _SAME * (_sizes(rows) ** 2 + doubtful.box.area - common)
    rows = beside_subject(rows[is_same & (rows[:, 4] >= SURE)], rows_of(faces), COUNTS)
    best = rows[:, 4].max(initial=0.0)
    return [one for one in seen if len(rows) and one.confidence == best][:1]


def rows_of(faces: Sequence[Detection]) -> Boxes:
    """Return faces' boxes as an array."""
    boxes = [(one.box.left, one.box.top, one.box.width, one.box.height, one.confidence) for one in faces]
    rows = np.array(boxes, float).reshape(-1, 5)
    rows[:, 2:4] += rows[:, :2]
    return rows


def _sizes(boxes: Boxes) -> Boxes:
    return np.asarray(np.sqrt(np.maximum((boxes[:, 2:4] - boxes[:, :2]).prod(axis=1), 0.0)))


def _common(boxes: Boxes, box: Boxes) -> Boxes:
    """Return the area that each box has in common with another one."""
    sides = np.minimum(boxes[:, 2:4], box[2:4]) - np.maximum(boxes[:, :2], box[:2])
    return np.asarray(np.maximum(sides, 0.0).prod(axis=1))
