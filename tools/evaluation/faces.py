"""From photos to embeddings through the product's own parts: decoder, detector, source crops, augmentations, models."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.registry import AUGMENTATION_VERSION
from pipeline.stages.align import crop_face
from pipeline.stages.augment import augment
from pipeline.stages.decode import Undecodable, decode
from pipeline.types import Crop, Detection, Detector, Embedder, Floats, Photo
from tools.calibration.sample import Ints, Sample
from tools.cli.options import batches, note, tracked
from tools.evaluation.layout import Dataset, LayoutError

AT_ONCE = 16
"""Photos that are in memory together."""

MOST_BYTES = 100 * 1024 * 1024
MOST_PIXELS = 100_000_000

OF_LARGEST = 0.25
"""Faces smaller than this share of the largest one's area are bystanders."""


class EmbeddingCache:
    """Embeddings of a face and its augmentations, float32 (1 + augmentations, d) per model, by the photo's SHA-256.

    With a `folder` they are kept in `VERSION-AUGMENTATION_VERSION-AUGMENTATIONS.npz` per model version; without one
    only in memory. A photo without a face is known by an empty array.
    """

    def __init__(self, folder: Path | None, versions: Mapping[str, str], num_aug: int) -> None:
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
        end = f"{AUGMENTATION_VERSION}-{num_aug}.npz"
        self._files = {name: folder / f"{version}-{end}" for name, version in versions.items()} if folder else {}
        self._known = {name: _read(self._files.get(name)) for name in versions}

    def get(self, digest: str) -> dict[str, Floats] | None:
        """Return the photo's embeddings per model, empty where it has no face; None where a model has not seen it."""
        if not all(digest in known for known in self._known.values()):
            return None
        found = {name: known[digest] for name, known in self._known.items()}
        return found if all(values.size for values in found.values()) else {}

    def put(self, digest: str, embeddings: Mapping[str, Floats]) -> None:
        """Remember a photo's embeddings per model; an empty mapping says that it has no face."""
        for name, known in self._known.items():
            known[digest] = embeddings.get(name, np.zeros((0, 0), np.float32))

    def save(self) -> None:
        """Write what is known, where there is a folder; a file is replaced as a whole."""
        for name, path in self._files.items():
            known = self._known[name]
            faces = [digest for digest, values in known.items() if values.size]
            stacked = np.stack([known[one] for one in faces]) if faces else np.zeros((0, 0, 0), np.float32)
            without = [digest for digest, values in known.items() if not values.size]
            part = path.with_name(f"{path.name}.{os.getpid()}.part")
            with part.open("wb") as file:
                np.savez(file, digests=np.array(faces, "U64"), values=stacked, without=np.array(without, "U64"))
            part.replace(path)


def _read(path: Path | None) -> dict[str, Floats]:
    if path is None or not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        known = dict(zip(stored["digests"].tolist(), stored["values"], strict=True))
        known.update({one: np.zeros((0, 0), np.float32) for one in stored["without"].tolist()})
    return known


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of a dataset: `rows[i]` is the photo, an index into its files, behind the sample's i-th face.

    `missing` are the photos in which no face was found.
    """

    sample: Sample
    rows: Ints
    missing: tuple[int, ...]


def subject(photo: Photo, detections: Sequence[Detection]) -> Detection | None:
    """Return the face that a photo is of: the one closest to its middle among those that are not much smaller."""
    middle = np.array(photo.pixels.shape[1::-1]) / 2
    largest = max((one.box.area for one in detections), default=0.0)
    candidates = [one for one in detections if one.box.area >= OF_LARGEST * largest]
    return min(candidates, key=lambda one: float(np.hypot(*(one.box.centre - middle))), default=None)


def subjects(photos: Sequence[Photo], detector: Detector) -> list[Detection | None]:
    """Find the face that each photo is of; None where it shows none."""
    found = detector.detect([photo.pixels for photo in photos])
    return [subject(photo, faces) for photo, faces in zip(photos, found, strict=True)]


def read_photo(file: Path) -> Photo:
    """Decode a photo. Raises `LayoutError` where the file is not one."""
    try:
        return decode(file.name, file.read_bytes(), MOST_BYTES, MOST_PIXELS)
    except (Undecodable, OSError) as error:
        raise LayoutError(f"{file} cannot be read as a photo: {error}") from error


def embed_dataset(
    data: Dataset,
    detector: Callable[[], Detector],
    embedders: Mapping[str, Embedder],
    num_aug: int,
    cache: EmbeddingCache,
) -> Faces:
    """Embed every photo's face and its `num_aug` augmentations; what `cache` holds is not computed again.

    Raises `LayoutError` where a file is not a photo.
    """
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in data.files]
    wanted = [file for file, digest in zip(data.files, digests, strict=True) if cache.get(digest) is None]
    if wanted:
        _fill(wanted, detector(), embedders, num_aug, cache)
    found = [cache.get(digest) or {} for digest in digests]
    rows = np.array([index for index, one in enumerate(found) if one], dtype=np.int64)
    stacked = {name: np.stack([found[int(row)][name] for row in rows]) for name in embedders}
    sample = Sample(
        np.array(data.person, dtype=np.int64)[rows],
        {name: values[:, 0] for name, values in stacked.items()},
        {name: values[:, 1:] for name, values in stacked.items()},
    )
    return Faces(sample, rows, tuple(index for index, one in enumerate(found) if not one))


def _fill(
    files: Sequence[Path],
    detector: Detector,
    embedders: Mapping[str, Embedder],
    num_aug: int,
    cache: EmbeddingCache,
) -> None:
    for number, part in enumerate(batches(tracked(files, len(files), "Embedding faces"), AT_ONCE), start=1):
        photos = [read_photo(file) for file in part]
        crops: dict[str, list[Crop]] = {}
        for photo, face in zip(photos, subjects(photos, detector), strict=True):
            if face is None:
                cache.put(photo.digest, {})
            else:
                crop = crop_face(photo, face)
                crops[photo.digest] = [crop, *augment(crop, num_aug)]
        flat = [crop for group in crops.values() for crop in group]
        embedded: dict[str, Floats] = {
            name: embedder.embed(flat).reshape(len(crops), 1 + num_aug, embedder.size)
            for name, embedder in embedders.items()
        }
        for index, digest in enumerate(crops):
            cache.put(digest, {name: values[index] for name, values in embedded.items()})
        if number % 10 == 0:
            cache.save()
            note(f"{number * AT_ONCE} of {len(files)} photos embedded")
    cache.save()
