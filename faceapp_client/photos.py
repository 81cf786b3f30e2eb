"""Photos as a caller has them, and as they are sent."""

from collections.abc import Iterable, Sequence
from pathlib import Path

Photo = str | Path | bytes | tuple[str, bytes]
"""A file's path, a photo's bytes, or its name and bytes. Replies call photos by these names."""

Part = tuple[str, tuple[str, bytes]]


def parts(photos: Iterable[Photo], field: str = "photo") -> list[Part]:
    """Return the photos as parts of a form, unnamed ones as `photo_1.jpg` and so on. Raises `OSError`."""
    return [(field, _named(photo, f"{field}_{number}.jpg")) for number, photo in enumerate(photos, start=1)]


def several(photos: Photo | Sequence[Photo]) -> Sequence[Photo]:
    """Return one photo or several as several."""
    if isinstance(photos, str | Path | bytes):
        return [photos]
    if isinstance(photos, tuple) and len(photos) == 2 and isinstance(photos[1], bytes):
        return [(str(photos[0]), photos[1])] if isinstance(photos[0], str) else photos
    return photos


def _named(photo: Photo, name: str) -> tuple[str, bytes]:
    if isinstance(photo, tuple):
        return photo
    if isinstance(photo, bytes):
        return name, photo
    path = Path(photo)
    return path.name, path.read_bytes()
