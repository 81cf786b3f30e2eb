"""What was computed of an upload's photos: exact when it comes back, and nothing at all where it is damaged."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from db.kept import UPLOADS, KeptFiles
from db.upload_cache import FORMAT, decode, encode
from db.uploads import UploadStore
from pipeline.ports import CachedFace, CachedPhoto, NewImage
from pipeline.types import Box, Detection


def seen_photo() -> CachedPhoto:
    generator = np.random.default_rng(5)
    landmarks = generator.normal(100, 30, (5, 2)).astype(np.float32)
    vector = generator.normal(0, 1, 128).astype(np.float32)
    box = Box(*(float(value) for value in generator.normal(100, 30, 4)))
    face = CachedFace(Detection(box, landmarks, 0.1 + 0.2), {("Dlib", "0" * 16): vector})
    return CachedPhoto(2**64 - 1, [face, CachedFace(Detection(box, landmarks, 1.0), {})])


def test_every_number_comes_back_exactly() -> None:
    photo = seen_photo()
    back = decode(encode({"0001.jpg": photo}), "A-1")["0001.jpg"]
    first, kept = photo.faces[0], back.faces[0]
    assert (back.hash, len(back.faces), back.faces[1].embeddings) == (photo.hash, 2, {})
    assert (kept.detection.box, kept.detection.confidence) == (first.detection.box, first.detection.confidence)
    assert kept.detection.landmarks.tobytes() == first.detection.landmarks.tobytes()
    vector = kept.embeddings["Dlib", "0" * 16]
    assert vector.dtype == np.float32
    assert vector.tobytes() == first.embeddings["Dlib", "0" * 16].tobytes()


def signed(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def with_face(**changes: object) -> bytes:
    content = json.loads(encode({"0001.jpg": seen_photo()}).partition(b"\n")[2])
    content["photos"]["0001.jpg"]["faces"][0].update(changes)
    return signed(json.dumps(content).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", encode({"0001.jpg": seen_photo()})[:-1],
        encode({"0001.jpg": seen_photo()}).replace(b"Dlib", b"Dlob"),
        signed(b"not JSON"), signed(b"[]"), signed(json.dumps({"format": "another", "photos": {}}).encode()),
        signed(json.dumps({"format": FORMAT, "photos": {"0001.jpg": {"hash": "x", "faces": []}}}).encode()),
        with_face(box=[1, 2, 3]), with_face(box=[1, 2, 3, float("nan")]), with_face(landmarks=[[1, 2]] * 4),
        with_face(confidence=None), with_face(embeddings=[["Dlib", "0", "!"]]), with_face(embeddings=[["Dlib"]]),
        with_face(embeddings=[["Dlib", "0", "AADAfw=="]]),
    ],
)  # fmt: skip
def test_what_is_damaged_or_foreign_counts_for_nothing(data: bytes) -> None:
    assert decode(data, "A-1") == {}


def test_it_is_kept_with_the_upload_under_the_photos_names(tmp_path: Path) -> None:
    store = UploadStore(KeptFiles(tmp_path, UPLOADS))
    names = [(b"one", None), (b"two", seen_photo()), (b"three", seen_photo())]
    images = [NewImage(data, "jpg", hashlib.sha256(data).hexdigest(), 8.0, cache) for data, cache in names]
    upload = store.open(store.create("A", images).upload_id)
    (upload.folder / "0003.jpg").write_bytes(b"another photo")
    assert [photo.cache and photo.cache.hash for photo in upload.load()] == [None, 2**64 - 1, None]
    (upload.folder / "seen.json").unlink()
    assert [photo.cache for photo in upload.load()] == [None, None, None]
