"""The files of an upload: told apart by their names, decoded, scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pipeline.ledger import Ledger
from pipeline.parallel import parallel_map, run_alongside
from pipeline.ports import CachedFace, CachedPhoto, NewImage
from pipeline.stages.decode import Undecodable
from pipeline.stages.distinct import perceptual_hash
from pipeline.stages.liveness import space_around
from pipeline.stages.opening import Opener
from pipeline.stages.quality import FaceLook, judge, look, measure
from pipeline.types import Check, Embedder, Face, Photo


@dataclass(frozen=True, eq=False)
class SentFile:
    """A file as the caller sent it; `data` is None if its base64 could not be decoded, and `fault` then says why."""

    name: str
    data: bytes | None
    fault: str = ""


@dataclass(frozen=True, eq=False)
class ScoredFile:
    """A file with its score, None where it is no photo, the checks behind it, and what to keep of it, if anything."""

    name: str
    score: float | None
    checks: Sequence[Check]
    kept: NewImage | None = None


def named_apart(files: Sequence[SentFile]) -> list[SentFile]:
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


def decode_files(files: Sequence[SentFile], opener: Opener, ledger: Ledger) -> tuple[list[Photo], list[ScoredFile]]:
    """Return the photos, and the files that are none, each with the reason."""
    photos: list[Photo] = []
    broken: list[ScoredFile] = []
    with ledger.stage("decode", len(files)) as row:
        for file, found in zip(files, parallel_map(partial(_opened, opener=opener), files), strict=True):
            if isinstance(found, Photo):
                photos.append(found)
                continue
            broken.append(ScoredFile(file.name, None, (Check("Decodable", None, None, False, str(found)),)))
            row.note(image=file.name, reason=str(found))
        row.went_out += len(photos)
    return photos, broken


def score_photos(
    photos: Sequence[Photo],
    faces: Sequence[Sequence[Face]],
    embedders: Mapping[str, Embedder],
    minimum: float,
    ledger: Ledger,
    *,
    keep_any_face: bool,
    needs_space: bool,
) -> list[ScoredFile]:
    """Score every photo by its faces, largest first, and keep those at or above `minimum`.

    `keep_any_face` keeps those below that show a face as well. `needs_space` adds to the checks, not to the score,
    whether liveness will be able to judge the face.
    """
    with ledger.stage("quality", len(photos)) as row:
        sights = list(zip(photos, faces, strict=True))
        crops = [face.crop for its_faces in faces for face in its_faces]
        looked, measured = run_alongside(partial(look, crops, embedders), _measured, sights)
        looks = iter(looked)
        scored: list[ScoredFile] = []
        for (photo, its_faces), (pixels, its_hash) in zip(sights, measured, strict=True):
            its_looks = [next(looks) for _ in its_faces]
            quality = judge(pixels, its_faces, its_looks[0] if its_looks else None, minimum)
            row.note(image=photo.name, score=round(quality.score, 3), threshold=minimum)
            cache = CachedPhoto(its_hash, _cached(its_faces, its_looks, embedders), photo.turn, photo.area)
            image = NewImage(photo.data, photo.kind, photo.digest, quality.score, cache, photo.name)
            is_kept = quality.score >= minimum or (keep_any_face and bool(its_faces))
            space = space_around(photo, its_faces) if needs_space else ()
            checks = (*_turn_of(photo), *quality.checks, *space)
            scored.append(ScoredFile(photo.name, quality.score, checks, image if is_kept else None))
        row.went_out += sum(1 for one in scored if one.kept)
    return scored


def _opened(file: SentFile, opener: Opener) -> Photo | Undecodable:
    """Decode a file, or return why that cannot be done."""
    if file.data is None:
        return Undecodable(file.fault)
    try:
        return opener.open(file.name, file.data)
    except Undecodable as fault:
        return fault


def _turn_of(photo: Photo) -> tuple[Check, ...]:
    """Return what says that a photo was turned upright, if it was."""
    degrees = (0, 90, 180, -90)[photo.turn]
    advice = f"The photo lay on its side and was turned by {abs(degrees)} degrees; send it upright next time."
    return (Check("Upright", float(degrees), 0.0, True, advice),) if degrees else ()


def _measured(sight: tuple[Photo, Sequence[Face]]) -> tuple[dict[str, float], int]:
    """Return what is measured of a photo and its faces, largest first, while the models are busy."""
    photo, faces = sight
    return measure(photo, faces), perceptual_hash(photo.pixels)


def _cached(faces: Sequence[Face], looks: Sequence[FaceLook], embedders: Mapping[str, Embedder]) -> list[CachedFace]:
    """Return what verification and enrolment would have to compute again."""
    versions = {name: embedder.version for name, embedder in embedders.items()}
    return [
        CachedFace(face.detection, {(name, versions[name]): vector for name, vector in its.embedding.items()})
        for face, its in zip(faces, looks, strict=True)
    ]
