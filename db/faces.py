"""The people's image folders under DB_PATH: what an enrolment writes there, and how source crops are read back.

Every file's name begins with its enrolment's token (32 hex digits), so that nothing is overwritten, and the files of an
enrolment that was never committed can be told from those that count.
"""

import itertools
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

from codes_dict import Code, Refusal
from db import files
from db.enrolments import Enrolment
from db.kept import KeptFiles
from pipeline.ports import NewFace
from pipeline.types import Box, Crop, Pixels
from security.sealing import SealBrokenError

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
    """The image folders in DB_PATH. Folders are called by their documented names, wherever they are on the disk."""

    def __init__(self, kept: KeptFiles) -> None:
        self._kept = kept

    def write(self, folder: str, token: str, faces: Sequence[NewFace]) -> Written:
        """Write an enrolment's files, durably. Raises `Refusal(Code.NO_SPACE)`; files written before that remain."""
        places = self._kept.folders(folder)
        if not places:
            raise Refusal(Code.NO_FOLDER, "a person's folder would be outside DB_PATH")
        place = places[0]
        written = Written([], [])
        contents: dict[Path, bytes] = {}
        for number, face in enumerate(faces, start=1):
            stem = f"{token}_{number:02}"
            contents[place / SOURCE / f"{stem}.png"] = _png(face.crop.pixels)
            written.main.append(f"{folder}/{MAIN}/{stem}.png")
            contents[place / MAIN / f"{stem}.png"] = _png(face.aligned)
            for turn, picture in enumerate(face.augmented, start=1):
                written.augmented.append(f"{folder}/{AUGMENTED}/{stem}_{turn:02}.png")
                contents[place / AUGMENTED / f"{stem}_{turn:02}.png"] = _png(picture)
        crops = [_as_json(face.crop) for face in faces]
        contents[place / SOURCE / f"{token}.json"] = json.dumps({"crops": crops}).encode()
        self._kept.write(contents)
        return written

    def copy(self, folder: str, token: str, sources: Sequence[tuple[str, str, int]]) -> None:
        """Write faces of other enrolments, each (folder, token, number), as those of a new one.

        Raises `Refusal`: NO_FOLDER where a source crop is missing, NO_SPACE.
        """
        place = self._kept.folders(folder)[0]
        contents: dict[Path, bytes] = {}
        crops: list[dict[str, object]] = []
        for number, (from_folder, from_token, from_number) in enumerate(sources, start=1):
            old, new = f"{from_token}_{from_number:02}", f"{token}_{number:02}"
            listed = self._kept.read_in(from_folder, f"{SOURCE}/{from_token}.json")
            source = self._kept.read_in(from_folder, f"{SOURCE}/{old}.png")
            if listed is None or source is None:
                raise Refusal(Code.NO_FOLDER, f"a source crop of enrolment {from_token} is missing")
            crops.append(_listed(listed)[from_number - 1])
            contents[place / SOURCE / f"{new}.png"] = source
            contents |= {place / name: data for name, data in self._shown(from_folder, old, new)}
        contents[place / SOURCE / f"{token}.json"] = json.dumps({"crops": crops}).encode()
        self._kept.write(contents)

    def _shown(self, folder: str, old: str, new: str) -> Iterator[tuple[str, bytes]]:
        """Yield a face's pictures for people to look at, under the names that they get."""
        main = self._kept.read_in(folder, f"{MAIN}/{old}.png")
        if main is not None:
            yield f"{MAIN}/{new}.png", main
        for turn in itertools.count(1):
            picture = self._kept.read_in(folder, f"{AUGMENTED}/{old}_{turn:02}.png")
            if picture is None:
                return
            yield f"{AUGMENTED}/{new}_{turn:02}.png", picture

    def crops(self, enrolment: Enrolment) -> list[Crop] | None:
        """Read an enrolment's source crops; None, with a warning in the log, if one is missing or damaged."""
        try:
            listed = _listed(self._source(enrolment, f"{enrolment.token}.json"))
            names = [f"{enrolment.token}_{number:02}.png" for number in range(1, len(listed) + 1)]
            return [_crop(self._source(enrolment, name), about) for name, about in zip(names, listed, strict=True)]
        except (ValueError, KeyError, TypeError, SealBrokenError) as error:
            log.warning("source crops of enrolment %s: %s", enrolment.token, error)
            return None

    def _source(self, enrolment: Enrolment, name: str) -> bytes:
        data = self._kept.read_in(enrolment.folder, f"{SOURCE}/{name}")
        if data is None:
            raise ValueError(f"{name} is missing")
        return data

    def picture(self, enrolment: Enrolment, number: int, turn: int = 0) -> bytes | None:
        """Return one of an enrolment's aligned faces, from 1, or its augmentation `turn`, from 1, as PNG.

        None if there is none. Raises `SealBrokenError`.
        """
        stem = f"{enrolment.token}_{number:02}"
        return self._kept.read_in(
            enrolment.folder, f"{AUGMENTED}/{stem}_{turn:02}.png" if turn else f"{MAIN}/{stem}.png"
        )

    def has_crops(self, enrolment: Enrolment) -> bool:
        """Whether the enrolment's source crops seem to exist."""
        places = self._kept.folders(enrolment.folder)
        return any((place / SOURCE / f"{enrolment.token}.json").is_file() for place in places)

    def remove(self, folder: str, token: str) -> bool:
        """Remove an enrolment's files, and the person's folder once it is empty; True if no file is left."""
        listed = [path for path in self._files(folder) if path.name.lstrip(".").startswith(token)]
        gone = [files.remove(path) for path in listed]
        self.tidy(folder)
        return all(gone)

    def remove_all(self, folder: str) -> bool:
        """Remove a person's folder with everything in it; True if nothing is left."""
        return sum(not files.remove_tree(place) for place in self._kept.folders(folder)) == 0

    def remove_foreign(self, folder: str) -> None:
        """Remove the files in a person's folder that no enrolment wrote (pictures from before)."""
        for path in self._files(folder):
            if not TOKEN.match(path.name.lstrip(".")):
                files.remove(path)
        self.tidy(folder)

    def count(self, folders: Iterable[str]) -> dict[str, int]:
        """Return how many pictures of each kind, and other files, some people's folders hold."""
        counts = {"images": 0, "augmentations": 0, "source_crops": 0, "other_files": 0}
        kinds = {MAIN: "images", AUGMENTED: "augmentations", SOURCE: "source_crops"}
        for path in (path for folder in folders for path in self._files(folder)):
            known = TOKEN.match(path.name) and path.suffix == ".png"
            counts[kinds.get(path.parent.name, "other_files") if known else "other_files"] += 1
        return counts

    def tidy(self, folder: str) -> None:
        """Remove the person's folder if it is empty."""
        for place in self._kept.folders(folder):
            remove_empty(place)

    def folders(self) -> Iterator[Path]:
        """Return the people's folders as they are on the disk."""
        found = files.found_in(self._kept.root, lambda name: not name.startswith("."))
        return (path for path in found if path.is_dir() and not path.is_symlink())

    def _files(self, folder: str) -> list[Path]:
        return [path for place in self._kept.folders(folder) for path in files.files_in(place)]


def remove_empty(place: Path) -> None:
    """Remove a folder of the disk, and the folders in it, where they are empty."""
    for inner, *_ in os.walk(place, topdown=False):  # the folder itself comes last
        files.remove_if_empty(Path(inner))


def _png(pixels: Pixels) -> bytes:
    swapped = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", swapped, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise ValueError(f"a picture of shape {pixels.shape} cannot be written as PNG")
    return bytes(data.tobytes())


def _as_json(crop: Crop) -> dict[str, object]:
    box = [float(x) for x in (crop.box.left, crop.box.top, crop.box.width, crop.box.height)]
    return {"landmarks": np.asarray(crop.landmarks, float).tolist(), "box": box, "digest": crop.digest}


def _listed(data: bytes) -> list[dict[str, object]]:
    crops = json.loads(data)["crops"]
    if not isinstance(crops, list) or not crops:
        raise ValueError("no crops are listed")
    return crops


def _crop(data: bytes, about: Mapping[str, object]) -> Crop:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        raise ValueError("a picture is damaged")
    landmarks = np.asarray(about["landmarks"], np.float32)
    box = np.asarray(about["box"], np.float64)
    if landmarks.shape != (5, 2) or box.shape != (4,) or not np.isfinite(landmarks).all():
        raise ValueError("landmarks or box are damaged")
    pixels: Pixels = np.ascontiguousarray(picture[:, :, ::-1])
    return Crop(pixels, landmarks, Box(*(float(x) for x in box)), str(about["digest"]))
