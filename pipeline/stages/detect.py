"""From photos to faces: what the detector finds."""

from collections.abc import Sequence
from typing import Any

from pipeline.ledger import Ledger, Row
from pipeline.stages.align import crop_face
from pipeline.stages.subject import shown_box
from pipeline.stages.upright import Closer, find_faces
from pipeline.types import Detector, Face, Photo


def detect(photos: list[Photo], detector: Detector, closer: Closer, ledger: Ledger) -> list[list[Face]]:
    """Return every photo's faces, largest first, at most ten, and bring `photos` upright; see `find_faces`."""
    with ledger.stage("detect", len(photos)) as row:
        looked = find_faces(photos, detector, closer)
        found = [
            [Face(photo, one, crop_face(photo, one)) for one in faces]
            for photo, faces in zip(photos, looked, strict=True)
        ]
        note_faces(row, photos, found)
    return found


def note_faces(row: Row, photos: Sequence[Photo], faces: Sequence[Sequence[Face]]) -> None:
    """Record each photo's faces, and by how many degrees against the clock the photo was turned, if it was."""
    row.went_out += sum(1 for its_faces in faces if its_faces)
    for photo, its_faces in zip(photos, faces, strict=True):
        turned = {"turned": 90 * photo.turn} if photo.turn else {}
        found = [_described(photo, face) for face in its_faces]
        row.note(image=photo.name, faces=len(its_faces), **turned, found=found)


def _described(photo: Photo, face: Face) -> dict[str, Any]:
    """Return a face as the ledger shows it: box and landmarks in whole pixels of the upright file."""
    landmarks = [[round(float(value) / photo.scale) for value in point] for point in face.detection.landmarks]
    return {
        "box": shown_box(photo, face.detection.box),
        "landmarks": landmarks,
        "confidence": round(float(face.detection.confidence), 4),
    }
