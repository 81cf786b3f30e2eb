"""What enrolment and verification share: an upload's photos, read again, and the faces in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from codes_dict import Code, Refusal
from pipeline.flows.services import Services
from pipeline.ledger import Ledger
from pipeline.ports import StoredImage, Upload
from pipeline.stages.decode import Undecodable, decode
from pipeline.stages.faces import find_faces
from pipeline.stages.identity import check_id
from pipeline.stages.liveness import describe, judge_faces
from pipeline.types import Face, LivenessVerdict, Photo


def match_id(person_id: str, services: Services, ledger: Ledger, field: str = "id") -> None:
    """Note that the ID, sent under the key `field`, matches the operator's pattern; refuses with ID_NOT_MATCHED."""
    with ledger.stage("id", 1) as row:
        row.code, row.went_out = check_id(person_id, services.policy.id_regex, field), 1


def open_upload(upload_id: str, services: Services, ledger: Ledger) -> Upload:
    """Return the upload; refuses with UPLOAD_GONE, or ID_NOT_MATCHED where its ID no longer fits ID_REGEX."""
    upload = services.uploads.open(upload_id)
    match_id(upload.id, services, ledger, "upload_id")
    return upload


def read_photo(image: StoredImage, data: bytes, services: Services) -> Photo:
    """Decode a stored file; one that was good when it was kept and is not now counts as missing."""
    try:
        return decode(image.saved_as, data, len(data), services.policy.max_pixels)
    except Undecodable as fault:
        raise Refusal(Code.IMAGE_MISSING, f"{image.saved_as} can no longer be decoded: {fault}") from fault


def detect(photos: Sequence[Photo], services: Services, ledger: Ledger) -> list[list[Face]]:
    """Return every photo's faces, and note how many each shows."""
    with ledger.stage("detect", len(photos)) as row:
        faces = find_faces(photos, services.detector)
        row.went_out += sum(1 for its_faces in faces if its_faces)
        for photo, its_faces in zip(photos, faces, strict=True):
            row.note(image=photo.name, faces=len(its_faces))
    return faces


def judge(faces: Sequence[Face], services: Services, ledger: Ledger) -> list[LivenessVerdict]:
    """Judge every face's liveness, and note each verdict; whether a verdict stops a face is the flow's business."""
    with ledger.stage("liveness", len(faces)) as row:
        verdicts = judge_faces(faces, services.judge()) if faces else []
        for face, verdict in zip(faces, verdicts, strict=True):
            row.note(**describe(face, verdict))
        row.went_out += len(faces)
    return verdicts


def without_photo(face: Face) -> Face:
    """Return the face with its source crop alone, so that the photo's pixels can be freed."""
    return replace(face, photo=replace(face.photo, pixels=face.photo.pixels[:0, :0]))
