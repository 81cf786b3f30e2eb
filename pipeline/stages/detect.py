"""From photos to faces: what the detector finds, and which faces an enrolment may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from codes_dict import Code
from pipeline.ledger import Ledger, Row
from pipeline.stages.align import crop_face
from pipeline.stages.sightings import Sighting
from pipeline.types import Detection, Detector, Face, Photo

MOST_FACES = 10
"""Faces of one photo that are considered, the largest first."""


def detect(photos: Sequence[Photo], detector: Detector, ledger: Ledger) -> list[list[Face]]:
    """Return every photo's faces, largest first, at most ten; one list per photo, in the photos' order."""
    with ledger.stage("detect", len(photos)) as row:
        found = [
            [Face(photo, one, crop_face(photo, one)) for one in detections]
            for photo, detections in zip(photos, find(photos, detector), strict=True)
        ]
        note_faces(row, photos, found)
    return found


def find(photos: Sequence[Photo], detector: Detector) -> list[list[Detection]]:
    """Return what the detector finds in each photo, largest first, at most ten."""
    found = detector.detect([photo.pixels for photo in photos])
    return [sorted(faces, key=lambda one: one.box.area, reverse=True)[:MOST_FACES] for faces in found]


def note_faces(row: Row, photos: Sequence[Photo], faces: Sequence[Sequence[Face]]) -> None:
    """Record how many faces each photo shows."""
    row.went_out += sum(1 for its_faces in faces if its_faces)
    for photo, its_faces in zip(photos, faces, strict=True):
        row.note(image=photo.name, faces=len(its_faces))


def single_faces(faces: Mapping[Photo, Sequence[Sighting]], ledger: Ledger) -> tuple[list[Sighting], dict[str, Code]]:
    """Return the only face of each photo, and the names of the photos left out, each with the code that says why."""
    kept: list[Sighting] = []
    left_out: dict[str, Code] = {}
    with ledger.stage("subject", len(faces)) as row:
        for photo, its_faces in faces.items():
            if len(its_faces) == 1:
                kept += its_faces
            else:
                left_out[photo.name] = Code.NO_SINGLE_FACE if its_faces else Code.NO_FACE
                row.note(image=photo.name, code=int(left_out[photo.name]))
        row.went_out += len(kept)
    return kept, left_out
