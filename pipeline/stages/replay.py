"""Photos that were used before do not count again: what is remembered of a photo, and who is dropped for it.

A 64-bit perceptual hash cannot do that: two frames of a motionless person a second apart often share it. The finer one
here tells them apart; docs/replay.md has the figures.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import cv2
import numpy as np

from codes_dict import Code, Outcome, Refusal
from pipeline.ledger import Ledger
from pipeline.parallel import parallel_map
from pipeline.ports import PhotoMark, Replays
from pipeline.stages.face_code import face_views
from pipeline.stages.sightings import Sighting
from pipeline.types import Crop, Photo, Pixels

NEAR_BITS = 15
"""Marks that differ in at most this many of their 1024 bits belong to one photo, saved again."""

NEAR_FACE_BITS = 40
"""Codes of faces that differ in at most this many of their 290 bits are of one photo, edited."""

_SIDE, _FREQUENCIES = 128, 32


def marked(faces: Sequence[Sighting]) -> list[Sighting]:
    """Return the faces with their photos' marks; the photos have pixels."""
    crops: dict[Photo, list[Crop]] = {}
    for face in faces:
        crops.setdefault(face.photo, []).append(face.crop)
    marks = dict(zip(crops, parallel_map(lambda each: _mark(*each), list(crops.items())), strict=True))
    return [replace(face, mark=marks[face.photo]) for face in faces]


def _mark(photo: Photo, crops: Sequence[Crop]) -> PhotoMark:
    views = list(map(face_views, crops))
    codes = tuple(own for own, *_ in views)
    return PhotoMark(photo.digest, fine_hash(photo.pixels), codes, tuple(chain.from_iterable(views)))


def drop_used(
    faces: Sequence[Sighting], upload_id: str, replays: Replays, ledger: Ledger, *, only_note: bool
) -> list[Sighting]:
    """Claim the faces' photos for this upload, and drop the faces of those that another upload used before.

    `only_note` drops none. Refuses with USED_BEFORE where none is left.
    """
    marks = {face.photo: face.mark for face in faces if face.mark}
    with ledger.stage("replay", len(marks)) as row:
        used = dict(zip(marks, replays.claim(upload_id, list(marks.values())), strict=True))
        for photo, is_used in used.items():
            row.note(image=photo.name, used_before=is_used)
        fresh = {photo for photo, is_used in used.items() if only_note or not is_used}
        row.went_out = len(fresh)
        kept = [face for face in faces if face.photo in fresh]
        if not kept:
            raise Refusal(Code.USED_BEFORE)
    return kept


def refuse_accepted(earlier: Outcome | None) -> None:
    """Refuse with USED_BEFORE an upload that was accepted, with the first code and results under `earlier`."""
    if earlier is not None:
        first = {"code": int(earlier.code), "results": dict(earlier.results)}
        raise Refusal(Code.USED_BEFORE, results={"earlier": first})


def fine_hash(pixels: Pixels) -> bytes:
    """Return the 1024-bit DCT hash of a photo, 128 bytes.

    Like `perceptual_hash`, of 128 x 128 grey values and their 32 x 32 lowest frequencies (after Zauner, 2010).
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    lowest = cv2.dct(small)[:_FREQUENCIES, :_FREQUENCIES].ravel()
    return bytes(np.packbits(lowest > np.median(lowest)).tobytes())
