"""Photos that an upload decoded moments ago, so that enrolling or verifying it at once does not decode them again."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from pipeline.types import Photo

MOST_BYTES = 32 * 1024 * 1024
"""Bytes of pixels that are held at most: three photos of the usual size."""
SECONDS = 20.0
"""How long a photo is held if nobody takes it."""


class RecentPhotos:
    """Holds decoded photos, upright or not yet, until they are taken. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._held: OrderedDict[tuple[str, int], tuple[float, Photo]] = OrderedDict()

    def put(self, photo: Photo) -> None:
        """Hold a photo as it was decoded, not turned; the oldest ones leave where there is no room."""
        if photo.pixels.nbytes > MOST_BYTES:
            return
        with self._lock:
            self._held.pop((photo.digest, photo.area), None)
            self._drop(MOST_BYTES - photo.pixels.nbytes)
            self._held[photo.digest, photo.area] = self._clock() + SECONDS, replace(photo, name="", data=b"")

    def take(self, digest: str, area: int) -> Photo | None:
        """Return the photo of a file with this SHA-256 in hex, decoded to at most `area` pixels, and forget it."""
        with self._lock:
            self._drop(MOST_BYTES)
            return self._held.pop((digest, area), (0.0, None))[1]

    def clear(self) -> None:
        """Forget all photos."""
        with self._lock:
            self._held.clear()

    def _drop(self, most_bytes: int) -> None:
        """Drop, oldest first, what was held too long and what is too much."""
        held, now = sum(photo.pixels.nbytes for _, photo in self._held.values()), self._clock()
        while self._held:
            until, photo = next(iter(self._held.values()))
            if until > now and held <= most_bytes:
                return
            held -= photo.pixels.nbytes
            self._held.popitem(last=False)
