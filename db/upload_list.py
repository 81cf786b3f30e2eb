"""Which uploads there are: for operators, who see when each ends, and not the part of its id that opens it."""

import re
from collections.abc import Iterator
from heapq import nlargest
from pathlib import Path
from typing import Any

from db.files import found_in
from db.uploads import dated_by

_FOLDER = re.compile(r"(?P<id>.+)-(?P<suffix>[0-9a-f]{32})(?P<used>_UPLOADED_TO_DB)?", re.ASCII)
_SEALED = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PHOTO = re.compile(r"[0-9]{4,6}\.[a-z0-9]{1,5}", re.ASCII)
_MARK = 6


def list_uploads(root: Path, most: int) -> tuple[int, list[dict[str, Any]]]:
    """Return how many uploads are in UPLOAD_FOLDER, and the newest of them, at most so many, ready for JSON.

    `made` is in seconds since 1970; `mark` is the beginning of an upload's unguessable part; `person_id` is None where
    the folder's name hides it.
    """
    made = list(_found(root))
    return len(made), [_listed(path, when) for when, path in nlargest(most, made)]


def _found(root: Path) -> Iterator[tuple[float, Path]]:
    for path in found_in(root, _FOLDER.fullmatch):
        try:
            yield dated_by(path).stat().st_mtime, path
        except FileNotFoundError:  # it has just been enrolled or has ended
            continue


def _listed(path: Path, made: float) -> dict[str, Any]:
    parts = _FOLDER.fullmatch(path.name)
    person_id, suffix, used = parts.groups() if parts else ("", "", None)
    photos = sum(1 for _ in found_in(path, _PHOTO.fullmatch))
    shown = None if _SEALED.fullmatch(person_id) else person_id
    return {
        "person_id": shown, "mark": suffix[:_MARK], "made": made, "is_enrolled": used is not None, "photos": photos,
    }  # fmt: skip
