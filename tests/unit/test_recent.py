"""Photos that were decoded moments ago: given out once, never for long, never many."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from pipeline.stages import recent
from pipeline.stages.decode import WORKING_AREA, Budget
from pipeline.stages.opening import Opener
from pipeline.stages.recent import RecentPhotos
from pipeline.types import Photo


class Decoder:
    """Counts what it decodes."""

    def __init__(self) -> None:
        self.areas: list[int] = []

    def decode(
        self, name: str, data: bytes, max_bytes: int, max_pixels: int, area: int = 0, budget: Budget | None = None
    ) -> Photo:
        self.areas.append(area)
        pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
        return Photo(name, pixels, hashlib.sha256(data).hexdigest(), data, "jpg", 0.5, area=area)


def photo(name: str, length: int = 3) -> Photo:
    return Photo(name, np.zeros((1, length, 3), np.uint8), name, b"file", area=WORKING_AREA)


def held(photos: RecentPhotos, *names: str) -> list[bool]:
    return [photos.take(name, WORKING_AREA) is not None for name in names]


def test_what_an_upload_decoded_is_not_decoded_again_once() -> None:
    decoder, photos = Decoder(), RecentPhotos()
    first, second = (Opener(decoder.decode, 1000, 1000, recent=photos) for _ in range(2))
    seen = first.open("mine.jpg", b"data")
    sideways = Photo("0001.jpg", seen.pixels, seen.digest, b"data", turn=1)
    again = second.again(sideways)
    assert (again.name, again.data, again.turn, again.scale) == ("0001.jpg", b"data", 1, 0.5)
    assert (again.pixels == np.rot90(seen.pixels)).all()
    assert decoder.areas == [WORKING_AREA]
    second.again(sideways)
    assert decoder.areas == [WORKING_AREA] * 2


def test_a_file_that_was_changed_is_decoded() -> None:
    decoder, photos = Decoder(), RecentPhotos()
    opener = Opener(decoder.decode, 1000, 1000, recent=photos)
    seen = opener.open("mine.jpg", b"data")
    opener.again(Photo("0001.jpg", seen.pixels, seen.digest, b"other"))
    assert len(decoder.areas) == 2


def test_an_upload_never_takes_what_another_one_decoded() -> None:
    decoder, photos = Decoder(), RecentPhotos()
    for _ in range(2):
        Opener(decoder.decode, 1000, 1000, recent=photos).open("mine.jpg", b"data")
    assert len(decoder.areas) == 2


def test_a_photo_is_dropped_when_its_time_is_over() -> None:
    now = 0.0
    photos = RecentPhotos(lambda: now)
    photos.put(photo("a"))
    now = recent.SECONDS - 1
    photos.put(photo("b"))
    now = recent.SECONDS
    assert held(photos, "a", "b") == [False, True]


def test_the_oldest_photos_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_BYTES", 30)
    photos = RecentPhotos(lambda: 0.0)
    for name in "abcd":
        photos.put(photo(name))
    photos.put(photo("large", 11))
    assert held(photos, *"abcd", "large") == [False, True, True, True, False]
