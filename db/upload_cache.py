"""What was computed of an upload's photos, in a small file beside them, so that nothing is computed twice.

Plain JSON after a line with its SHA-256: reading it executes nothing. A file that is damaged or of another version of
the detector is ignored.
"""

import base64
import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.ports import CachedFace, CachedPhoto
from pipeline.pseudonym import upload_pseudonym
from pipeline.registry import DETECTION_VERSION
from pipeline.types import Box, Detection, Floats

log = logging.getLogger(__name__)

FORMAT = f"faceapp-seen-3 {DETECTION_VERSION}"


def encode(photos: Mapping[str, CachedPhoto]) -> bytes:
    """Return the file's content; `decode` restores every number exactly."""
    encoded = {
        name: {
            "hash": f"{photo.hash:016x}",
            "turn": photo.turn,
            "area": photo.area,
            "faces": [_encoded_face(face) for face in photo.faces],
        }
        for name, photo in photos.items()
    }
    text = json.dumps({"format": FORMAT, "photos": encoded}).encode()
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def decode(data: bytes, upload_id: str) -> dict[str, CachedPhoto]:
    """Return what `encode` was given; nothing, with a line in the log, if the content is damaged or foreign."""
    digest, _, text = data.partition(b"\n")
    if hashlib.sha256(text).hexdigest().encode() != digest:
        log.warning("upload %s: its cache is damaged", upload_pseudonym(upload_id))
        return {}
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            log.info("upload %s: its cache is of another version", upload_pseudonym(upload_id))
            return {}
        return {str(name): _photo(about) for name, about in content["photos"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("upload %s: its cache cannot be read: %s", upload_pseudonym(upload_id), type(error).__name__)
        return {}


def _encoded_face(face: CachedFace) -> dict[str, Any]:
    box = face.detection.box
    return {
        "box": [float(value) for value in (box.left, box.top, box.width, box.height)],
        "landmarks": face.detection.landmarks.tolist(),
        "confidence": float(face.detection.confidence),
        "embeddings": [
            [*made_by, base64.b64encode(np.ascontiguousarray(vector, "<f4").tobytes()).decode()]
            for made_by, vector in face.embeddings.items()
        ],
    }


def _photo(about: Mapping[str, Any]) -> CachedPhoto:
    turn, area = int(about["turn"]), int(about["area"])
    if turn not in range(4) or area < 0:
        raise ValueError("a photo cannot be looked at so")
    return CachedPhoto(int(about["hash"], 16), [_face(one) for one in about["faces"]], turn, area)


def _face(about: Mapping[str, Any]) -> CachedFace:
    landmarks, box = np.asarray(about["landmarks"], np.float32), np.asarray(about["box"], np.float64)
    if landmarks.shape != (5, 2) or box.shape != (4,) or not (np.isfinite(landmarks).all() and np.isfinite(box).all()):
        raise ValueError("a face has impossible coordinates")
    embeddings = {(str(model), str(version)): _vector(text) for model, version, text in about["embeddings"]}
    detection = Detection(Box(*(float(value) for value in box)), landmarks, float(about["confidence"]))
    return CachedFace(detection, embeddings)


def _vector(text: str) -> Floats:
    vector = np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
    if not np.isfinite(vector).all():
        raise ValueError("an embedding is not finite")
    return vector
