"""Who the subject of a photo is, and who else counts: one rule for its score, its enrolment and its verification.

The subject is the largest face. Another face counts where it could be mistaken for the subject: where it is large
enough beside it. A face on an ID card that is held up, on a badge or in a picture on the wall is much smaller and does
not count. What is no face at all, such as a pattern of books, is left out before: see `recheck`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codes_dict import Code
from pipeline.ledger import Ledger
from pipeline.stages.sightings import Sighting
from pipeline.types import Box, Detection, Photo

COUNTS = 0.4
"""Size, as a share of the subject's, from which another face counts: half, less what the detector's boxes vary by."""


@dataclass(frozen=True, eq=False)
class People:
    """The people of a photo: its subject, and the others who count, largest first."""

    subject: Detection
    others: Sequence[Detection]

    @property
    def count(self) -> int:
        """How many people there are, the subject included."""
        return 1 + len(self.others)


def people_of(faces: Sequence[Detection]) -> People:
    """Return who counts among one or more faces of a photo."""
    by_size = sorted(faces, key=lambda one: one.box.area, reverse=True)
    subject, rest = by_size[0], by_size[1:]
    return People(subject, [one for one in rest if beside(one.box, subject.box) >= COUNTS])


def is_alone(faces: Sequence[Detection]) -> bool:
    """Whether the faces of a photo, which may be none, show one person who counts."""
    return bool(faces) and people_of(faces).count == 1


def beside(box: Box, other: Box) -> float:
    """Return a box's size as a share of another's: the ratio of the square roots of their areas."""
    return math.sqrt(box.area / max(other.area, 1e-9))


def shown_box(photo: Photo, box: Box) -> tuple[int, int, int, int]:
    """Return a box as replies show it: left, top, width, height in whole pixels of the upright file."""
    scale = photo.scale
    return round(box.left / scale), round(box.top / scale), round(box.width / scale), round(box.height / scale)


def only_subjects(faces: Mapping[Photo, Sequence[Sighting]], ledger: Ledger) -> tuple[list[Sighting], dict[str, Code]]:
    """Return the subject of each photo that shows one person, and the other photos' names with the code that says why.

    The ledger names the box of whoever else counts.
    """
    kept: list[Sighting] = []
    left_out: dict[str, Code] = {}
    with ledger.stage("subject", len(faces)) as row:
        for photo, its_faces in faces.items():
            found = [face.detection for face in its_faces]
            if is_alone(found):
                subject = people_of(found).subject
                kept.append(next(face for face in its_faces if face.detection is subject))
                continue
            left_out[photo.name] = Code.NO_SINGLE_FACE if found else Code.NO_FACE
            others = {"others": [shown_box(photo, one.box) for one in people_of(found).others]} if found else {}
            row.note(image=photo.name, code=int(left_out[photo.name]), **others)
        row.went_out += len(kept)
    return kept, left_out
