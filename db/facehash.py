"""The homes of FaceHash: each key's classifiers and the faces that they were trained on, below one folder.

    HOME_<key>/current             the number of the version in use, and when it came into use a mark of its own
    HOME_<key>/v000001/card.json   users, models, digests of the files, validation
    HOME_<key>/v000001/faces.npz   the users' embeddings
    HOME_<key>/v000001/network.*   the network

A version is whole before `current` names it, and never changes afterwards.
"""

import io
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from codes_dict import Code, Refusal
from db import files
from db.kept import KeptFiles
from pipeline.ports import ClassifierVersion, NewClassifier
from pipeline.types import EnrolledFaces

KEPT = 10
"""Versions of a home that are kept, the newest."""

_HOME = re.compile(r"[0-9a-f]{8}|API_KEY_TEST_1", re.ASCII)
"""A key's id, or the name that a server without keys gives all callers; never a key itself."""
_VERSION = re.compile(r"v([0-9]{6})", re.ASCII)
_CARD, _FACES, _CURRENT, _LOCK = "card.json", "faces.npz", "current", ".lock"
_FORMAT = 1


class FaceHashHomes:
    """The homes below the root of `kept`, which is made with the first of them; what a version holds is sealed."""

    def __init__(self, kept: KeptFiles, clock: Callable[[], float] = time.time) -> None:
        self._kept, self.root, self._clock = kept, kept.root, clock

    def homes(self) -> list[str]:
        """Return the names of all homes that have a classifier."""
        found = self.root.glob(f"HOME_*/{_CURRENT}") if self.root.is_dir() else ()
        return sorted(path.parent.name.removeprefix("HOME_") for path in found)

    def number(self, home: str) -> int | None:
        """Return the number of the version in use; None where there is none."""
        number, *_ = self.mark(home).split() or [""]
        return int(number) if number.isdigit() else None

    def mark(self, home: str) -> str:
        """Return a text that changes whenever another version comes into use; empty where there is none."""
        return (files.read_bytes(self._place(home) / _CURRENT) or b"").decode("ascii", "replace")

    def current(self, home: str) -> ClassifierVersion | None:
        """Return the version in use; None where there is none. Raises `Refusal(INTERNAL)` where it is damaged."""
        mark, number = self.mark(home), self.number(home)
        try:
            return None if number is None else self.read(home, number)
        except Refusal:
            if self.mark(home) == mark:
                raise
        return self.current(home)  # another version came into use, and this one was removed

    def read(self, home: str, number: int) -> ClassifierVersion:
        """Return a version; raises `Refusal(INTERNAL)` where it is missing or damaged."""
        place = self._version(home, number)
        try:
            card = json.loads(self._kept.read(place / _CARD) or b"")
            if card["format"] != _FORMAT:
                raise ValueError("another format")
            contents = {name: self._kept.read(place / name) or b"" for name in card["digests"] if _is_plain(name)}
            faces = _decoded(self._kept.read(place / _FACES) or b"", card)
            return ClassifierVersion(
                card["models"], faces, contents, card["digests"], card["validation"], number, float(card["created"])
            )
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise Refusal(Code.INTERNAL, f"classifier {number} is damaged: {type(error).__name__}") from error

    def add(self, home: str, new: NewClassifier, mark: str | None = None) -> int:
        """Store a version and use it; older ones beyond `KEPT` are removed. Raises `Refusal(NO_SPACE)`.

        Refuses with CONFLICT where the home's mark is no longer `mark`: `new` was made of what is not in use now.
        """
        place = self._place(home)
        with files.working_in(self.root):
            place.mkdir(parents=True, exist_ok=True)
        with files.locked(place / _LOCK, wait=True):
            if mark not in (None, self.mark(home)):
                raise Refusal(Code.CONFLICT, advice="The classifier was changed meanwhile. Send the request again.")
            number = max(self.numbers(home), default=0) + 1
            card = {
                "format": _FORMAT,
                "users": list(new.users),
                "first": [one.first for one in new.faces.values()],
                "models": dict(new.models),
                "digests": dict(new.digests),
                "validation": dict(new.validation),
                "created": self._clock(),
            }
            folder = self._version(home, number)
            contents = {folder / name: data for name, data in new.files.items() if _is_plain(name)}
            contents[folder / _FACES] = _encoded(new)
            contents[folder / _CARD] = json.dumps(card, indent=2).encode()
            self._kept.write(contents)
            self._use(home, number)
            for old in self.numbers(home)[:-KEPT]:
                files.remove_tree(self._version(home, old))
        return number

    def use(self, home: str, number: int) -> None:
        """Use another version from now on; raises `ValueError` where it is not stored."""
        with files.locked(self._place(home) / _LOCK, wait=True):
            if number not in self.numbers(home):
                raise ValueError(f"version {number} is not stored")
            self._use(home, number)

    def numbers(self, home: str) -> list[int]:
        """Return the numbers of the stored versions, oldest first."""
        found = files.found_in(self._place(home), _VERSION.fullmatch)
        return sorted(int(path.name.removeprefix("v")) for path in found)

    def forget_older(self, home: str, number: int) -> int:
        """Remove every version older than one; return how many that were."""
        older = [one for one in self.numbers(home) if one < number]
        return sum(files.remove_tree(self._version(home, one)) for one in older)

    def remove(self, home: str) -> bool:
        """Remove a home with everything in it; True if it is gone."""
        place = self._place(home)
        if not place.is_dir():
            return True
        with files.locked(place / _LOCK, wait=True):
            files.remove(place / _CURRENT)  # first: nobody looks for a version that is half removed
            return files.remove_tree(place)

    def reseal(self) -> int:
        """Seal anew whatever is not sealed with the first key; return how many files that were."""
        done = 0
        for path in files.files_in(self.root):
            blob = files.read_bytes(path) if _VERSION.fullmatch(path.parent.name) else None
            if blob is not None and not self._kept.seal.is_current(blob) and not path.name.startswith("."):
                self._kept.write({path: self._kept.seal.open(blob, self._kept.place(path))})
                done += 1
        return done

    def _use(self, home: str, number: int) -> None:
        files.write_together({self._place(home) / _CURRENT: f"{number} {secrets.token_hex(8)}\n".encode()})

    def _place(self, home: str) -> Path:
        """Return a home's folder; its name is never taken from a request unchecked."""
        if not _HOME.fullmatch(home):
            raise Refusal(Code.NO_KEY, "not the id of a key", field="API_KEY")
        return self.root / f"HOME_{home}"

    def _version(self, home: str, number: int) -> Path:
        return self._place(home) / f"v{number:06}"


def _is_plain(name: str) -> bool:
    return bool(re.fullmatch(r"network\.[a-z0-9]{2,5}", name, re.ASCII))


def _encoded(new: NewClassifier) -> bytes:
    content = io.BytesIO()
    counts = np.array([len(one[next(iter(new.models))]) for one in new.faces.values()], np.int64)
    rows = {
        f"rows_{at}": np.concatenate([one[name] for one in new.faces.values()]).astype(np.float32)
        for at, name in enumerate(new.models)
    }
    np.savez(content, allow_pickle=False, counts=counts, **rows)
    return content.getvalue()


def _decoded(data: bytes, card: Mapping[str, Any]) -> dict[str, EnrolledFaces]:
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        ends = np.cumsum(stored["counts"])[:-1]
        blocks = {name: np.split(stored[f"rows_{at}"], ends) for at, name in enumerate(card["models"])}
    return {
        str(user): EnrolledFaces({name: parts[at] for name, parts in blocks.items()}, int(card["first"][at]))
        for at, user in enumerate(card["users"])
    }
