"""The people's image folders under DB_PATH: what an enrolment writes there, and how source crops are read back.

Every file's name begins with its enrolment's token (32 hex digits), so that nothing is overwritten, and the files of an
enrolment that was never committed can be told from those that count.
"""

from __future__ import annotations

import json
import logging
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from db import files
from db.enrolments import Enrolment
from pipeline.ports import NewFace
from pipeline.types import Box, Crop, Pixels

log = logging.getLogger(__name__)

MAIN, AUGMENTED, SOURCE = "faces", "augmented_imgs", "source"
TOKEN = re.compile(r"[0-9a-f]{32}(?=[_.])")
_SLUG_LENGTH = 60


@dataclass(frozen=True)
class Written:
    """Paths of an enrolment's pictures, relative to DB_PATH."""

    main: list[str]
    augmented: list[str]


def slug(name: str) -> str:
    """Return a name as part of a folder's name: `[a-z0-9_]`, 1 to 60 characters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_SLUG_LENGTH].strip("_") or "person"


class FaceFolders:
    """The image folders below `root` (DB_PATH)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, folder: str, token: str, faces: Sequence[NewFace]) -> Written:
        """Write an enrolment's files, durably. Raises `Refusal(Code.NO_SPACE)`; files written before that remain."""
        place = self.root / folder
        written = Written([], [])
        contents: dict[Path, bytes] = {}
        for number, face in enumerate(faces, start=1):
            stem = f"{token}_{number:02}"
            contents[place / SOURCE / f"{stem}.png"] = _png(face.crop.pixels)
            written.main.append(f"{folder}/{MAIN}/{stem}.png")
            contents[self.root / written.main[-1]] = _png(face.aligned)
            for turn, picture in enumerate(face.augmented, start=1):
                written.augmented.append(f"{folder}/{AUGMENTED}/{stem}_{turn:02}.png")
                contents[self.root / written.augmented[-1]] = _png(picture)
        crops = [_as_json(face.crop) for face in faces]
        contents[place / SOURCE / f"{token}.json"] = json.dumps({"crops": crops}).encode()
        files.write_together(contents)
        return written

    def crops(self, enrolment: Enrolment) -> list[Crop] | None:
        """Read an enrolment's source crops; None, with a warning in the log, if one is missing or damaged."""
        place = files.inside(self.root, enrolment.folder)
        if place is None:
            log.warning("enrolment %s is outside DB_PATH", enrolment.token)
            return None
        try:
            listed = _load(place / SOURCE / f"{enrolment.token}.json")
            return [
                _crop(place / SOURCE / f"{enrolment.token}_{number:02}.png", about)
                for number, about in enumerate(listed, start=1)
            ]
        except (ValueError, KeyError, TypeError) as error:
            log.warning("source crops of enrolment %s: %s", enrolment.token, error)
            return None

    def has_crops(self, enrolment: Enrolment) -> bool:
        """Whether the enrolment's source crops seem to exist."""
        place = files.inside(self.root, enrolment.folder)
        return place is not None and (place / SOURCE / f"{enrolment.token}.json").is_file()

    def remove(self, folder: str, token: str) -> bool:
        """Remove an enrolment's files, and the person's folder once it is empty; True if no file is left."""
        place = files.inside(self.root, folder)
        if place is None:
            return True
        gone = [files.remove(path) for path in self.found(place) if path.name.lstrip(".").startswith(token)]
        self.tidy(folder)
        return all(gone)

    def remove_foreign(self, folder: str) -> None:
        """Remove the files in a person's folder that no enrolment wrote (pictures from before)."""
        place = files.inside(self.root, folder)
        for path in self.found(place) if place else ():
            if not TOKEN.match(path.name.lstrip(".")):
                files.remove(path)
        self.tidy(folder)

    def count(self, folders: Iterable[str]) -> dict[str, int]:
        """Return how many pictures of each kind, and other files, some people's folders hold."""
        counts = {"images": 0, "augmentations": 0, "source_crops": 0, "other_files": 0}
        kinds = {MAIN: "images", AUGMENTED: "augmentations", SOURCE: "source_crops"}
        for place in (files.inside(self.root, folder) for folder in folders):
            for path in self.found(place) if place else ():
                known = TOKEN.match(path.name) and path.suffix == ".png"
                counts[kinds.get(path.parent.name, "other_files") if known else "other_files"] += 1
        return counts

    def tidy(self, folder: str) -> None:
        """Remove the person's folder if it is empty."""
        place = files.inside(self.root, folder)
        if place is not None:
            for inner, *_ in os.walk(place, topdown=False):  # the person's own folder comes last
                files.remove_if_empty(Path(inner))

    def folders(self) -> Iterator[Path]:
        """Return the people's folders."""
        found = sorted(self.root.glob("[!.]*"))
        return (path for path in found if path.is_dir() and not path.is_symlink())

    def found(self, place: Path) -> list[Path]:
        """Return all files in a person's folder, at any depth; files that are being removed may be missing."""
        found: list[Path] = []
        for folder, folders, names in os.walk(place):  # skips a folder that is gone, where a glob raises
            links = [name for name in folders if Path(folder, name).is_symlink()]
            found += [Path(folder, name) for name in (*names, *links)]
        return sorted(found)


def _png(pixels: Pixels) -> bytes:
    swapped = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", swapped, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise ValueError(f"a picture of shape {pixels.shape} cannot be written as PNG")
    return bytes(data.tobytes())


def _as_json(crop: Crop) -> dict[str, object]:
    box = [float(x) for x in (crop.box.left, crop.box.top, crop.box.width, crop.box.height)]
    return {"landmarks": np.asarray(crop.landmarks, float).tolist(), "box": box, "digest": crop.digest}


def _load(path: Path) -> list[dict[str, object]]:
    data = files.read_bytes(path)
    if data is None:
        raise ValueError(f"{path.name} is missing")
    crops = json.loads(data)["crops"]
    if not isinstance(crops, list) or not crops:
        raise ValueError(f"{path.name} lists no crops")
    return crops


def _crop(path: Path, about: Mapping[str, object]) -> Crop:
    data = files.read_bytes(path)
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        raise ValueError(f"{path.name} is missing or damaged")
    landmarks = np.asarray(about["landmarks"], np.float32)
    box = np.asarray(about["box"], np.float64)
    if landmarks.shape != (5, 2) or box.shape != (4,) or not np.isfinite(landmarks).all():
        raise ValueError(f"{path.name}: landmarks or box are damaged")
    pixels: Pixels = np.ascontiguousarray(picture[:, :, ::-1])
    return Crop(pixels, landmarks, Box(*(float(x) for x in box)), str(about["digest"]))
