"""The photos in a person's folder, within the limits that an upload over HTTP has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class FoundPhoto:
    """A file that may be a photo: `digest` is the SHA-256 of its bytes in hex."""

    name: str
    data: bytes
    digest: str


@dataclass(frozen=True)
class FoundPhotos:
    """The files of a folder: those to look at, each content once, and of the others why not."""

    photos: Sequence[FoundPhoto]
    left_out: Mapping[str, str]


def read_photos(folder: Path, max_image_mb: int, max_all_mb: int) -> FoundPhotos:
    """Read every file of the folder whose name does not begin with a dot; whether it is a photo, its content decides.

    Limits are in MiB, per file and for all together. Raises `OSError` where the folder cannot be read.
    """
    photos: dict[str, FoundPhoto] = {}
    left_out: dict[str, str] = {}
    room = max_all_mb * MEGABYTE
    for file in sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith(".")):
        size = file.stat().st_size
        if size > max_image_mb * MEGABYTE:
            left_out[file.name] = f"The file is larger than MAX_IMAGE_MB, {max_image_mb} MiB."
        elif size > room:
            left_out[file.name] = f"The person's photos before it fill MAX_UPLOAD_MB, {max_all_mb} MiB."
        else:
            data = file.read_bytes()
            room -= len(data)
            digest = hashlib.sha256(data).hexdigest()
            twin = photos.setdefault(digest, FoundPhoto(file.name, data, digest))
            if twin.name != file.name:
                left_out[file.name] = f"The same file as {twin.name}."
    return FoundPhotos(list(photos.values()), left_out)
