"""How one request opens photos: within its limits and its budget, and larger or turned where that is needed."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from pipeline.stages.decode import CLOSER_AREA, WORKING_AREA, Budget, Decode, Undecodable
from pipeline.stages.recent import RecentPhotos
from pipeline.types import Photo


@dataclass(frozen=True, eq=False)
class Opener:
    """Decodes a request's photos. Limits are in bytes of a file and in pixels as the file names them.

    What one opener decodes, the next one finds in `recent`, if there is one.
    """

    decode: Decode
    max_bytes: int
    max_pixels: int
    budget: Budget | None = None
    recent: RecentPhotos | None = None

    def open(self, name: str, data: bytes) -> Photo:
        """Decode a file at the size at which photos are first looked at. Raises `Undecodable`."""
        return self._decoded(name, data, WORKING_AREA)

    def closer(self, photo: Photo) -> Photo | None:
        """Decode a photo larger, turned as it is; None where that would cost too much."""
        try:
            return turned(self._decoded(photo.name, photo.data, CLOSER_AREA), photo.turn)
        except Undecodable:
            return None

    def again(self, photo: Photo) -> Photo:
        """Return a photo as it was looked at before, by its `area` and `turn`. Raises `Undecodable`."""
        area = photo.area or WORKING_AREA
        digest = hashlib.sha256(photo.data).hexdigest()
        held = self.recent.take(digest, area) if self.recent else None
        if held is None:
            return turned(self._decoded(photo.name, photo.data, area), photo.turn)
        return turned(replace(held, name=photo.name, data=photo.data), photo.turn)

    def _decoded(self, name: str, data: bytes, area: int) -> Photo:
        photo = self.decode(name, data, self.max_bytes, self.max_pixels, area, self.budget)
        if self.recent:
            self.recent.put(photo)
        return photo


def turned(photo: Photo, quarters: int) -> Photo:
    """Return the photo turned by so many quarters against the clock."""
    if quarters % 4 == 0:
        return photo
    pixels = np.ascontiguousarray(np.rot90(photo.pixels, quarters))
    return replace(photo, pixels=pixels, turn=(photo.turn + quarters) % 4)
