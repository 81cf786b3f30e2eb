"""Photos in, each with a score; the good ones are kept under an upload id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.challenge import redeem
from pipeline.flows.policy import Policy
from pipeline.flows.probes import detect, match_id
from pipeline.flows.services import Services, explained, in_batches
from pipeline.ledger import Ledger, Row
from pipeline.parallel import parallel_map, run_alongside
from pipeline.ports import CachedFace, CachedPhoto, NewImage
from pipeline.stages.decode import Undecodable, decode
from pipeline.stages.distinct import perceptual_hash
from pipeline.stages.quality import FaceLook, judge, look, measure
from pipeline.types import Check, Face, Photo


@dataclass(frozen=True, eq=False)
class SentFile:
    """A file as the caller sent it; `data` is None if its base64 could not be decoded, and `fault` then says why."""

    name: str
    data: bytes | None
    fault: str = ""


@dataclass(eq=False)
class _Sorted:
    """The files of a request, sorted by what became of them."""

    scores: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    saved: dict[str, NewImage] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    challenge: tuple[str, ...] = ()

    def as_results(self) -> dict[str, Any]:
        return {
            "upload_id": None,
            "folder_name": None,
            "scores": self.scores,
            "saved": list(self.saved),
            "rejected": self.rejected,
            "errors": self.errors,
            "saved_as": {},
            "reasons": self.reasons,
        }


def upload(person_id: str, files: Sequence[SentFile], services: Services, challenge: str | None = None) -> Outcome:
    """Score every file and keep those at or above SCORE_TOL.

    The answer of a challenge, whose nonce is `challenge`, keeps every frame that shows a face: turned heads score low.
    Refuses with ID_NOT_MATCHED, a challenge's codes, BAD_BASE64 where no file's base64 decodes, and ALL_REJECTED where
    none is at or above SCORE_TOL.
    """
    ledger, sorted_ = Ledger(), _Sorted()
    match_id(person_id, services, ledger)
    results: dict[str, Any] = sorted_.as_results()
    with explained(results, ledger):
        sorted_.challenge = redeem(person_id, challenge, services, ledger)
        for batch in in_batches(_named_apart(files)):
            photos = _decode(batch, services, ledger, sorted_)
            faces = detect(photos, services, ledger)
            _score(photos, faces, services, ledger, sorted_)
        results.update(sorted_.as_results())
        with ledger.stage("store", len(sorted_.saved)) as row:
            _keep(person_id, sorted_, [file.data for file in files], services, results, row)
    return Outcome(Code.UPLOADED, results)


def _named_apart(files: Sequence[SentFile]) -> list[SentFile]:
    """Give files of one name the names `name`, `name (2)`, ..., so that none hides another in the results."""
    taken: set[str] = set()
    named: list[SentFile] = []
    for file in files:
        name, count = file.name, 1
        while name in taken:
            count += 1
            name = f"{file.name} ({count})"
        taken.add(name)
        named.append(replace(file, name=name))
    return named


def _decode(files: Sequence[SentFile], services: Services, ledger: Ledger, sorted_: _Sorted) -> list[Photo]:
    photos: list[Photo] = []
    with ledger.stage("decode", len(files)) as row:
        for file, found in zip(files, parallel_map(partial(_opened, policy=services.policy), files), strict=True):
            if isinstance(found, Photo):
                photos.append(found)
                continue
            sorted_.errors.append(file.name)
            why = Check("Decodable", None, None, False, str(found))
            sorted_.reasons[file.name] = [asdict(why)]
            row.note(image=file.name, reason=str(found))
        row.went_out += len(photos)
    return photos


def _opened(file: SentFile, policy: Policy) -> Photo | Undecodable:
    """Decode a file, or return why that cannot be done."""
    if file.data is None:
        return Undecodable(file.fault)
    try:
        return decode(file.name, file.data, policy.max_image_mb * 1024 * 1024, policy.max_pixels)
    except Undecodable as fault:
        return fault


def _score(
    photos: Sequence[Photo],
    faces: Sequence[Sequence[Face]],
    services: Services,
    ledger: Ledger,
    sorted_: _Sorted,
) -> None:
    minimum = services.policy.score_tol
    with ledger.stage("quality", len(photos)) as row:
        crops = [face.crop for its_faces in faces for face in its_faces]
        looked, measured = run_alongside(
            partial(look, crops, services.embedders), _measured, list(zip(photos, faces, strict=True))
        )
        looks = iter(looked)
        for photo, its_faces, (pixels, its_hash) in zip(photos, faces, measured, strict=True):
            its_looks = [next(looks) for _ in its_faces]
            quality = judge(pixels, its_faces, its_looks[0] if its_looks else None, minimum)
            sorted_.scores[photo.name] = round(quality.score, 3)
            sorted_.reasons[photo.name] = [asdict(check) for check in quality.checks]
            row.note(image=photo.name, score=round(quality.score, 3), threshold=minimum)
            if quality.score < minimum and not (sorted_.challenge and its_faces):
                sorted_.rejected.append(photo.name)
                continue
            seen = CachedPhoto(its_hash, _kept(its_faces, its_looks, services))
            sorted_.saved[photo.name] = NewImage(photo.data, photo.kind, photo.digest, quality.score, seen)
            row.went_out += 1


def _measured(sight: tuple[Photo, Sequence[Face]]) -> tuple[dict[str, float], int]:
    """Return what is measured of a photo and its faces, largest first, while the models are busy."""
    photo, faces = sight
    return measure(photo, faces), perceptual_hash(photo.pixels)


def _kept(faces: Sequence[Face], looks: Sequence[FaceLook], services: Services) -> list[CachedFace]:
    """Gather what verification and enrolment would have to compute again."""
    versions = {name: embedder.version for name, embedder in services.embedders.items()}
    return [
        CachedFace(face.detection, {(name, versions[name]): vector for name, vector in its.embedding.items()})
        for face, its in zip(faces, looks, strict=True)
    ]


def _keep(
    person_id: str,
    sorted_: _Sorted,
    sent: Sequence[bytes | None],
    services: Services,
    results: dict[str, Any],
    row: Row,
) -> None:
    if all(data is None for data in sent):
        raise Refusal(Code.BAD_BASE64)
    if not any(image.score >= services.policy.score_tol for image in sorted_.saved.values()):
        raise Refusal(Code.ALL_REJECTED)
    kept = services.uploads.create(person_id, list(sorted_.saved.values()), sorted_.challenge)
    row.went_out = len(kept.images)
    names = (f"{kept.upload_id}/{image.saved_as}" for image in kept.images)
    results["upload_id"] = results["folder_name"] = kept.upload_id
    results["saved_as"] = dict(zip(sorted_.saved, names, strict=True))
