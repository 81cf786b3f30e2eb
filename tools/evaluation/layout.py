"""Reading a folder of identities, and pairs in LFW's format."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


class LayoutError(Exception):
    """The data cannot be used; the message says why in one sentence."""


@dataclass(frozen=True)
class Dataset:
    """People and their photos. `person[i]` is the index in `people` of whom `files[i]` shows."""

    name: str
    people: tuple[str, ...]
    files: tuple[Path, ...]
    person: tuple[int, ...]

    def by_person(self) -> dict[int, list[Path]]:
        """Return everybody's files, by who they are."""
        found: dict[int, list[Path]] = {}
        for person, file in zip(self.person, self.files, strict=True):
            found.setdefault(person, []).append(file)
        return found

    def digest(self) -> str:
        """Return the SHA-256 in hex over every file's place and content, in order."""
        whole = hashlib.sha256()
        for index, file in zip(self.person, self.files, strict=True):
            whole.update(f"{self.people[index]}/{file.name}\0".encode())
            whole.update(hashlib.sha256(file.read_bytes()).digest())
        return whole.hexdigest()


@dataclass(frozen=True)
class Pair:
    """Two photos as indices into `Dataset.files`, whether they show one person, and the pair's fold."""

    left: int
    right: int
    same: bool
    fold: int


def read_people(folder: Path) -> Dataset:
    """Read FOLDER/PERSON/PHOTO, or FOLDER/images/PERSON/PHOTO; a photo's file may have any name.

    Raises `LayoutError` where there is nobody, a single person, or a single photo of everybody.
    """
    if not folder.is_dir():
        raise LayoutError(f"{folder} is not a folder.")
    root = folder / "images" if (folder / "images").is_dir() and not _photos(folder / "images") else folder
    if _photos(root):
        raise LayoutError(f"{root} has photos outside of the people's folders: the layout is FOLDER/PERSON/PHOTO.jpg.")
    by_person = {place.name: _photos(place) for place in sorted(root.iterdir()) if place.is_dir()}
    by_person = {name: photos for name, photos in by_person.items() if photos}
    if not by_person:
        raise LayoutError(f"{root} has no folders with photos: the layout is FOLDER/PERSON/PHOTO.jpg.")
    return _dataset(folder.resolve().name, by_person)


def read_pairs(file: Path, data: Dataset) -> list[Pair]:
    """Read a file of pairs: `FOLDS N`, then per fold N lines `NAME A B` and N lines `NAME A OTHER B`, by tabs.

    A photo is NAME_0001 and so on, in NAME's folder. Raises `LayoutError` where the file has another form or names
    a photo that is not there.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LayoutError(f"{file} cannot be read as a file of pairs.") from error
    head = lines[0].split() if lines else []
    if not 1 <= len(head) <= 2 or not all(one.isdigit() for one in head):
        raise LayoutError(f"{file} does not start with the number of folds and of pairs.")
    folds, each = (1, int(head[0])) if len(head) == 1 else (int(head[0]), int(head[1]))
    rows = [line.split("\t") for line in lines[1:] if line.strip()]
    if each < 1 or len(rows) != folds * 2 * each:
        raise LayoutError(f"{file} has {len(rows)} pairs, its first line promises {folds * 2 * each}.")
    places = {
        (data.people[person], photo.stem): index
        for index, (person, photo) in enumerate(zip(data.person, data.files, strict=True))
    }
    return [_pair(row, number, 2 * each, places, file) for number, row in enumerate(rows)]


def restrict(data: Dataset, pairs: Sequence[Pair]) -> Dataset:
    """Return the part of `data` that `pairs` name. Raises `LayoutError` as `read_people` does."""
    used = sorted({index for pair in pairs for index in (pair.left, pair.right)})
    by_person: dict[str, list[Path]] = {}
    for index in used:
        by_person.setdefault(data.people[data.person[index]], []).append(data.files[index])
    return _dataset(data.name, by_person)


def _dataset(name: str, by_person: dict[str, list[Path]]) -> Dataset:
    if len(by_person) < 2:
        raise LayoutError(f"{name} has photos of one person only: strangers are required.")
    if all(len(photos) < 2 for photos in by_person.values()):
        raise LayoutError(f"{name} has one photo of each person: somebody needs a second one.")
    files = [(index, photo) for index, photos in enumerate(by_person.values()) for photo in photos]
    return Dataset(name, tuple(by_person), tuple(photo for _, photo in files), tuple(index for index, _ in files))


def _photos(folder: Path) -> list[Path]:
    return sorted(
        one
        for one in folder.iterdir()
        if one.suffix.lower() in SUFFIXES and one.is_file() and not one.name.startswith(".")
    )


def _pair(row: list[str], number: int, per_fold: int, places: dict[tuple[str, str], int], file: Path) -> Pair:
    same = number % per_fold < per_fold // 2
    names = [row[0], row[0]] if len(row) == 3 else [row[0], row[2]] if len(row) == 4 else []
    numbers = [row[1], row[-1]] if len(row) > 2 else []
    if len(row) != (3 if same else 4) or not all(one.isdigit() for one in numbers):
        kind = "one person" if same else "two people"
        raise LayoutError(f"{file}, line {number + 2}, is not a pair of {kind}.")
    wanted = [(name, f"{name}_{int(one):04d}") for name, one in zip(names, numbers, strict=True)]
    missing = [stem for name, stem in wanted if (name, stem) not in places]
    if missing:
        raise LayoutError(f"{file}, line {number + 2}, names {missing[0]}, which is not among the photos.")
    return Pair(places[wanted[0]], places[wanted[1]], same, number // per_fold)
