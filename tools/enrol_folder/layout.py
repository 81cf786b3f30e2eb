"""Who is to be enrolled: a folder of photos per person, and optionally a list of names."""

import csv
import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from env_validator import Settings
from pipeline.flows import Services
from tools.enrol_folder.report import Entry, State

MEGABYTE = 1024 * 1024

PEOPLE = "people.csv"
"""An optional list `id,name` or `id,name,folder` beside the people's folders."""

BETWEEN = "__"
"""Separates ID and name in a folder's name; `_` in the name is a space."""


class CannotStartError(Exception):
    """Why nobody can be enrolled, in one sentence."""


class LayoutError(CannotStartError):
    """The folder cannot be enrolled as it is."""


@dataclass(frozen=True)
class Candidate:
    """A person to enrol, and the folder of their photos."""

    id: str
    name: str
    folder: Path


def read_folder(folder: Path) -> tuple[list[Candidate], list[Entry]]:
    """Return the people of FOLDER/ID/PHOTO or FOLDER/ID__NAME/PHOTO in order, and entries for those who are left out.

    FOLDER/people.csv gives names, and with a column `folder` IDs, to folders. The ID serves as name for a person
    without one. Raises `LayoutError`.
    """
    if not folder.is_dir():
        raise LayoutError(f"{folder} is not a folder.")
    listed = _listed(folder / PEOPLE)
    places = folders_in(folder, "people: the layout is FOLDER/ID/PHOTO.jpg")
    people = [_candidate(place, listed) for place in places]
    there = {place.name for place in places}
    missing = [
        Entry(*whose, str(folder / name), State.LEFT_OUT, advice="Add the folder, or remove the line.",
              message=f"{PEOPLE} names the folder {name}, which does not exist.")
        for name, whose in listed.items()
        if name not in there
    ]  # fmt: skip
    apart, together = _apart(people)
    return apart, [*missing, *together]


def folders_in(folder: Path, whose: str) -> list[Path]:
    """Return the folders in a folder, sorted; raises `LayoutError` that says `whose` there should be."""
    try:
        places = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    except OSError as error:
        raise LayoutError(f"{folder} cannot be read: {error.strerror}.") from error
    if not places:
        raise LayoutError(f"{folder} has no folders of {whose}.")
    return places


def _candidate(place: Path, listed: dict[str, tuple[str, str]]) -> Candidate:
    person_id, _, name = place.name.partition(BETWEEN)
    if place.name in listed:
        person_id, name = listed[place.name]
    else:
        name = name.replace("_", " ").strip()
    return Candidate(person_id, name or person_id, place)


def _listed(file: Path) -> dict[str, tuple[str, str]]:
    """Return (ID, name) by the folder's name."""
    if not file.exists():
        return {}
    found: dict[str, tuple[str, str]] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            reader.fieldnames = [(head or "").strip().lower() for head in reader.fieldnames or ()]
            if not {"id", "name"} <= set(reader.fieldnames):
                raise LayoutError(f"{file} does not begin with a line id,name or id,name,folder.")
            for row in reader:
                person_id, name, place = ((row.get(key) or "").strip() for key in ("id", "name", "folder"))
                place = place or person_id
                if not person_id or place in found:
                    wrong = "has no id" if not person_id else f"names {place} a second time"
                    raise LayoutError(f"{file}, line {reader.line_num}, {wrong}.")
                found[place] = person_id, name
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LayoutError(f"{file} cannot be read as a list in UTF-8 with commas.") from error
    return found


def _apart(people: Sequence[Candidate]) -> tuple[list[Candidate], list[Entry]]:
    """Separate people with one folder from those whose ID has several."""
    folders: dict[str, list[str]] = {}
    for one in people:
        folders.setdefault(one.id, []).append(one.folder.name)
    apart, together = list[Candidate](), list[Entry]()
    for one in people:
        if len(folders[one.id]) == 1:
            apart.append(one)
            continue
        why = f"Several folders have this ID: {', '.join(folders[one.id])}."
        advice = "Put all photos of a person into one folder."
        together.append(Entry(one.id, one.name, str(one.folder), State.LEFT_OUT, message=why, advice=advice))
    return apart, together


@dataclass(frozen=True)
class FoundPhoto:
    """A file that may be a photo; `digest` is the SHA-256 of its bytes in hex."""

    name: str
    data: bytes
    digest: str


@dataclass(frozen=True)
class FoundPhotos:
    """The files of a folder: the distinct ones, and why each other file is left out."""

    photos: Sequence[FoundPhoto]
    left_out: Mapping[str, str]


def read_photos(folder: Path, max_image_mb: int, max_all_mb: int) -> FoundPhotos:
    """Read every file of the folder whose name does not start with a dot; the content decides whether it is a photo.

    Limits are in MiB, per file and in total. Raises `OSError` if the folder cannot be read.
    """
    photos: dict[str, FoundPhoto] = {}
    left_out: dict[str, str] = {}
    room = max_all_mb * MEGABYTE
    for file in sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith(".")):
        size = file.stat().st_size
        if size > max_image_mb * MEGABYTE:
            left_out[file.name] = f"The file is larger than MAX_IMAGE_MB, {max_image_mb} MiB."
        elif size > room:
            left_out[file.name] = f"The person's other photos already fill MAX_UPLOAD_MB, {max_all_mb} MiB."
        else:
            data = file.read_bytes()
            room -= len(data)
            digest = hashlib.sha256(data).hexdigest()
            twin = photos.setdefault(digest, FoundPhoto(file.name, data, digest))
            if twin.name != file.name:
                left_out[file.name] = f"The same file as {twin.name}."
    return FoundPhotos(list(photos.values()), left_out)


class CannotReadError(Exception):
    """Why a person's photos cannot be read, in one sentence."""


class Intake:
    """Where people come from, and under which rules they are enrolled: here folders that are named by their IDs."""

    def admit(self, candidate: Candidate, services: Services) -> tuple[Candidate, Services]:
        """Return the candidate with the ID to enrol under, and the services to enrol with; raises `Refusal`."""
        return candidate, services

    def photos(self, candidate: Candidate, settings: Settings) -> FoundPhotos:
        """Return the candidate's photos; raises `CannotReadError`."""
        try:
            return read_photos(candidate.folder, settings.max_image_mb, settings.max_upload_mb)
        except OSError as error:
            raise CannotReadError(f"The folder cannot be read on {platform.node()}: {error.strerror}.") from error

    def settle(self, candidate: Candidate, services: Services) -> None:
        """Finish what `admit` began, once the candidate is enrolled."""
