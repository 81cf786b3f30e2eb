"""An upload's photos, looked at again: what was computed when they came counts, only the rest is computed now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.flows.probes import read_photo
from pipeline.flows.services import Services
from pipeline.ledger import Ledger
from pipeline.ports import CachedFace, CachedPhoto, StoredImage, Upload
from pipeline.stages.align import crop_face
from pipeline.stages.compare import embed
from pipeline.stages.distinct import perceptual_hash
from pipeline.stages.faces import find_faces
from pipeline.types import Crop, Detection, Embedder, Face, Floats, Photo

StoredFile = tuple[StoredImage, bytes]


@dataclass(frozen=True, eq=False)
class Sighting:
    """A photo, looked at: its perceptual hash, its faces, and the embeddings known of each face, by model.

    Where nobody needed the photo's pixels, it and its faces' crops have none.
    """

    photo: Photo
    hash: int
    faces: Sequence[Face]
    known: Sequence[Mapping[str, Floats]]


def known_photos(upload: Upload, files: Sequence[StoredFile]) -> dict[str, CachedPhoto]:
    """Return what is known of the photos whose bytes are still those that were looked at."""
    unchanged = {image.saved_as for image, data in files if hashlib.sha256(data).hexdigest() == image.digest}
    return {name: photo for name, photo in upload.cached().items() if name in unchanged}


def look_at(
    files: Sequence[StoredFile],
    seen: Mapping[str, CachedPhoto],
    needs_pixels: Callable[[CachedPhoto], bool],
    services: Services,
    ledger: Ledger,
) -> list[Sighting]:
    """Look at some photos: decode those whose pixels are needed, find the faces of those that are not known yet."""
    recalled = {image.saved_as: seen[image.saved_as] for image, _ in files if image.saved_as in seen}
    photos = [
        read_photo(image, data, services)
        if image.saved_as not in recalled or needs_pixels(recalled[image.saved_as])
        else Photo(image.saved_as, np.empty((0, 0, 3), np.uint8), image.digest)
        for image, data in files
    ]
    with ledger.stage("detect", len(photos)) as row:
        unknown = iter(find_faces([photo for photo in photos if photo.name not in recalled], services.detector))
        sightings = [
            _recalled(photo, recalled[photo.name], services.embedders)
            if photo.name in recalled
            else _new(photo, next(unknown))
            for photo in photos
        ]
        row.went_out += sum(1 for one in sightings if one.faces)
        for one in sightings:
            row.note(image=one.photo.name, faces=len(one.faces))
    return sightings


def known_embeddings(face: CachedFace, embedders: Mapping[str, Embedder]) -> dict[str, Floats]:
    """Return the embeddings that these models in these versions have made of a face before."""
    made = {name: face.embeddings.get((name, embedder.version), ()) for name, embedder in embedders.items()}
    return {name: np.asarray(vector) for name, vector in made.items() if len(vector) == embedders[name].size}


def embed_unknown(
    faces: Sequence[Face], known: Sequence[Mapping[str, Floats]], embedders: Mapping[str, Embedder]
) -> dict[str, Floats]:
    """Return every face's embeddings, (faces, d) per model, in one call per model for those that are not known."""
    embedded: dict[str, Floats] = {}
    for name, embedder in embedders.items():
        vectors = np.empty((len(faces), embedder.size), np.float32)
        missing = [at for at, its in enumerate(known) if name not in its]
        if missing:
            vectors[missing] = embed([faces[at].crop for at in missing], {name: embedder})[name]
        for at, its in enumerate(known):
            if name in its:
                vectors[at] = its[name]
        embedded[name] = vectors
    return embedded


def crop_of(face: Face, files: Sequence[StoredFile], services: Services) -> Crop:
    """Return the face's source crop, from its file where nobody needed its pixels until now."""
    if face.crop.pixels.size:
        return face.crop
    image, data = next(file for file in files if file[0].saved_as == face.photo.name)
    return crop_face(read_photo(image, data, services), face.detection)


def _recalled(photo: Photo, seen: CachedPhoto, embedders: Mapping[str, Embedder]) -> Sighting:
    faces = [Face(photo, one.detection, _crop(photo, one.detection)) for one in seen.faces]
    return Sighting(photo, seen.hash, faces, [known_embeddings(one, embedders) for one in seen.faces])


def _crop(photo: Photo, detection: Detection) -> Crop:
    if photo.pixels.size:
        return crop_face(photo, detection)
    return Crop(photo.pixels, detection.landmarks, detection.box, "")


def _new(photo: Photo, faces: Sequence[Face]) -> Sighting:
    return Sighting(photo, perceptual_hash(photo.pixels), faces, [{} for _ in faces])
