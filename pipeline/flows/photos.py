"""Photos as they were sent, for the flows that keep nothing of them: scored, and their faces found and embedded."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from codes_dict import Code
from pipeline.flows.services import Services, in_batches
from pipeline.ledger import Ledger
from pipeline.stages.decode import Budget
from pipeline.stages.detect import detect
from pipeline.stages.distinct import DistinctImages
from pipeline.stages.liveness import judge_faces
from pipeline.stages.opening import Opener
from pipeline.stages.recent import RecentPhotos
from pipeline.stages.sent_files import ScoredFile, SentFile, decode_files, score_photos
from pipeline.stages.sightings import Sighting
from pipeline.stages.subject import shown_box
from pipeline.types import NO_PIXELS, Check, Face, Photo

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, eq=False)
class Look:
    """A file that was looked at; `photo` is None where it is no photo. `faces` are all, largest first."""

    file: ScoredFile
    photo: Photo | None = None
    faces: Sequence[Face] = ()


def look_at(
    files: Sequence[SentFile],
    services: Services,
    ledger: Ledger,
    *,
    keep_any_face: bool,
    needs_space: bool,
    recent: RecentPhotos | None = None,
) -> Iterator[list[Look]]:
    """Decode, detect and score, a few files at a time; see `score_photos`. Names have to differ.

    `recent` gets what is decoded, for the request that follows an upload.
    """
    policy = services.policy
    budget = Budget(sum(len(file.data or b"") for file in files))
    opener = Opener(services.decode, policy.max_image_mb * _MEGABYTE, policy.max_pixels, budget, recent)

    def look(batch: Sequence[SentFile]) -> list[Look]:
        photos, broken = decode_files(batch, opener, ledger)
        faces = detect(photos, services.detector, opener.closer, ledger)
        scored = score_photos(
            photos,
            faces,
            services.embedders,
            policy.score_tol,
            ledger,
            keep_any_face=keep_any_face,
            needs_space=needs_space,
        )
        return [*map(Look, broken), *map(Look, scored, photos, faces)]

    return in_batches(look, files)


@dataclass(eq=False)
class Seen:
    """What a request's photos show: `faces` of each photo, largest first, and the other files with what is wrong."""

    faces: dict[Photo, list[Sighting]] = field(default_factory=dict)
    files: list[ScoredFile] = field(default_factory=list)
    distinct: DistinctImages = field(default_factory=DistinctImages)

    def quality(self) -> dict[str, Any]:
        """Return each file's score, None where it is no photo, and the checks behind it, as replies show them."""
        return {
            file.name: {
                "score": None if file.score is None else round(file.score, 3),
                "reasons": [shown_check(one) for one in file.checks],
            }
            for file in self.files
        }

    @property
    def left_out(self) -> dict[str, Code]:
        """The files that show no face, each with the code that says why."""
        empty = {photo.name: Code.NO_FACE for photo, faces in self.faces.items() if not faces}
        return {file.name: Code.ALL_REJECTED for file in self.files if file.score is None} | empty


def see(files: Sequence[SentFile], services: Services, ledger: Ledger, *, live: bool) -> Seen:
    """Return every face of these files with its embeddings and, with `live`, its verdict. Pixels are not kept.

    Nothing is left out for a low score. Refuses with NO_LIVENESS where `live` cannot be judged.
    """
    seen = Seen()

    def note(looks: Sequence[Look]) -> None:
        seen.files += [look.file for look in looks]
        for look in looks:
            if look.photo:
                faces = _sightings(look, seen.distinct, services)
                faces = judge_faces(faces, services.judge, ledger) if live and faces else faces
                photo = replace(look.photo, pixels=NO_PIXELS)
                seen.faces[photo] = [
                    replace(face, photo=photo, crop=replace(face.crop, pixels=NO_PIXELS)) for face in faces
                ]

    for _ in map(note, look_at(files, services, ledger, keep_any_face=True, needs_space=live)):
        pass  # a batch's photos are let go before the next one is decoded
    return seen


def why_none(files: Sequence[SentFile], codes: Collection[int]) -> Code:
    """Return why none of these files can be compared, of the codes with which they were left out."""
    if all(file.data is None for file in files):
        return Code.BAD_BASE64
    return next(code for code in (Code.NO_SINGLE_FACE, Code.NO_FACE, Code.ALL_REJECTED) if code in codes)


def located(face: Face) -> dict[str, Any]:
    """Return a face's box, landmarks and confidence as replies show them: in pixels of the upright file."""
    found, scale = face.detection, face.photo.scale
    return {
        "box": list(shown_box(face.photo, found.box)),
        "landmarks": [[round(float(x) / scale, 1), round(float(y) / scale, 1)] for x, y in found.landmarks],
        "confidence": round(found.confidence, 4),
    }


def shown_check(check: Check) -> dict[str, Any]:
    """Return a check as a reply shows it: with a box only where it has one."""
    return {name: value for name, value in vars(check).items() if name != "box" or value is not None}


def _sightings(look: Look, distinct: DistinctImages, services: Services) -> list[Sighting]:
    """Return a photo's faces; what its score needed of them is not computed again."""
    cache = look.file.kept.cache if look.file.kept else None
    if look.photo is None or cache is None:
        return []
    group, good = distinct.group_of(cache.hash), (look.file.score or 0.0) >= services.policy.score_tol
    versions = {name: (name, embedder.version) for name, embedder in services.embedders.items()}
    return [
        Sighting(
            look.photo,
            face.detection,
            face.crop,
            group,
            good,
            {name: known.embeddings[key] for name, key in versions.items() if key in known.embeddings},
        )
        for face, known in zip(look.faces, cache.faces, strict=True)
    ]
