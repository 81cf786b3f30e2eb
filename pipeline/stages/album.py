"""An upload's photos, looked at again: what the upload computed is reused, only the rest is computed now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from codes_dict import Code, Refusal
from pipeline.ledger import Ledger
from pipeline.parallel import parallel_map
from pipeline.ports import CachedFace, CachedPhoto, StoredImage, StoredPhoto, Upload, Uploads
from pipeline.stages.align import crop_face
from pipeline.stages.decode import Undecodable
from pipeline.stages.detect import note_faces
from pipeline.stages.distinct import DistinctImages, perceptual_hash
from pipeline.stages.identity import match_id
from pipeline.stages.opening import Opener
from pipeline.stages.sightings import Sighting
from pipeline.stages.upright import find_faces
from pipeline.types import NO_PIXELS, Crop, Detection, Detector, Embedder, Floats, Photo


def open_upload(upload_id: str, uploads: Uploads, pattern: str, ledger: Ledger) -> Upload:
    """Return the upload; refuses with UPLOAD_GONE, or ID_NOT_MATCHED where its ID no longer matches ID_REGEX."""
    upload = uploads.open(upload_id)
    match_id(upload.id, pattern, ledger, "upload_id")
    return upload


def shown_file(image: StoredImage) -> str:
    """Return what replies call a kept photo: the client's name for it, the server's where that was not stored."""
    return image.name or image.saved_as


@dataclass(frozen=True, eq=False)
class Album:
    """The photos of one request, looked at batch by batch. `embedders` say which cached embeddings still count."""

    detector: Detector
    embedders: Mapping[str, Embedder]
    opener: Opener
    score_tol: float
    ledger: Ledger
    distinct: DistinctImages = field(default_factory=DistinctImages)

    def look(
        self, batch: Sequence[StoredPhoto], needs_pixels: Callable[[CachedPhoto], bool]
    ) -> dict[Photo, list[Sighting]]:
        """Return the faces of each photo. A photo that was looked at before is decoded only if `needs_pixels` says so.

        Photos and crops that were not decoded have no pixels.
        """
        opened = parallel_map(lambda one: self._open(one, needs_pixels), batch)
        with self.ledger.stage("detect", len(batch)) as row:
            unknown = [photo for photo, one in zip(opened, batch, strict=True) if one.cache is None]
            found = find_faces(unknown, self.detector, self.opener.closer)
            looks = iter(zip(unknown, found, strict=True))
            faces: dict[Photo, list[Sighting]] = {}
            for photo, one in zip(opened, batch, strict=True):
                seen, cache = (photo, one.cache) if one.cache else _computed(*next(looks))
                faces[seen] = self._sightings(seen, one, cache)
            note_faces(row, list(faces), list(faces.values()))
        return faces

    def source_crop(self, face: Sighting) -> Crop:
        """Return the face's source crop; its photo is decoded now if its pixels were not needed before."""
        return face.crop if face.crop.pixels.size else crop_face(self._decoded(face.photo), face.detection)

    def known_embeddings(self, face: CachedFace) -> dict[str, Floats]:
        """Return the embeddings that today's models, in their versions, made of a face before."""
        made = {name: face.embeddings.get((name, one.version), ()) for name, one in self.embedders.items()}
        return {name: np.asarray(vector) for name, vector in made.items() if len(vector) == self.embedders[name].size}

    def _open(self, stored: StoredPhoto, needs_pixels: Callable[[CachedPhoto], bool]) -> Photo:
        seen = stored.cache or CachedPhoto(0, ())
        name, digest = shown_file(stored.image), stored.image.digest
        photo = Photo(name, NO_PIXELS, digest, stored.data, turn=seen.turn, area=seen.area)
        return self._decoded(photo) if stored.cache is None or needs_pixels(stored.cache) else photo

    def _decoded(self, photo: Photo) -> Photo:
        """Decode a stored file; one that was good when it was kept and is not now counts as missing."""
        try:
            return self.opener.again(photo)
        except Undecodable as fault:
            why = f"a photo with the SHA-256 {photo.digest} can no longer be decoded: {fault}"
            raise Refusal(Code.IMAGE_MISSING, why, file=photo.name) from fault

    def _sightings(self, photo: Photo, stored: StoredPhoto, cache: CachedPhoto) -> list[Sighting]:
        group, good = self.distinct.group_of(cache.hash), stored.image.score >= self.score_tol
        return [
            Sighting(photo, face.detection, _crop(photo, face.detection), group, good, self.known_embeddings(face))
            for face in cache.faces
        ]


def _computed(photo: Photo, found: Sequence[Detection]) -> tuple[Photo, CachedPhoto]:
    faces = [CachedFace(one, {}) for one in found]
    return photo, CachedPhoto(perceptual_hash(photo.pixels), faces, photo.turn, photo.area)


def _crop(photo: Photo, detection: Detection) -> Crop:
    if photo.pixels.size:
        return crop_face(photo, detection)
    return Crop(photo.pixels, detection.landmarks, detection.box, "")
