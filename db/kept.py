"""Everything kept in DB_PATH and UPLOAD_FOLDER is read and written here: sealed where DATA_KEY says so.

Folders have a documented name (`ada_lovelace-RECO_ID_000024`), which rows and replies show. Where files are sealed, the
name on the disk is a keyed hash of it. The key is in the database, in `faceapp_own_keys`, and outlives changes of
DATA_KEY, so that a new key moves nothing. While bin/rekey seals or unseals, both names may exist.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from pathlib import Path

from db import files
from security.sealing import UNSEALED, Seal

USED = "_UPLOADED_TO_DB"
"""Suffix of an upload's folder once its photos are enrolled."""

PEOPLE, UPLOADS, FACEHASH = "people", "uploads", "facehash"
_NAME_LENGTH = 32


def _no_key() -> bytes:
    raise RuntimeError("sealed names need a key")


class KeptFiles:
    """The files under `root`, DB_PATH or UPLOAD_FOLDER as `area` says.

    `seal` seals and opens contents; `names_key` returns the key of the names, and raises `Refusal(DB_DOWN)`.
    """

    def __init__(
        self, root: Path, area: str = PEOPLE, seal: Seal = UNSEALED, names_key: Callable[[], bytes] = _no_key
    ) -> None:
        self.root, self.area, self.seal, self._names_key = root.resolve(), area, seal, names_key

    # -- contents ------------------------------------------------------------------------------------------
    def read(self, path: Path) -> bytes | None:
        """Return a file's content; None if it does not exist. Raises `SealBrokenError`."""
        data = files.read_bytes(path)
        return None if data is None else self.seal.open(data, self.place(path))

    def read_in(self, folder: str, inner: str) -> bytes | None:
        """Return the content of a file in a documented folder; None if there is none. Raises `SealBrokenError`."""
        places = self.folders(folder)
        # While it is sealed or unsealed, a file appears under its new name before the old one goes, so whoever misses
        # both finds it under the new one.
        again = places[:1] if len(places) > 1 else []
        found = (self.read(place / inner) for place in [*places, *again])
        return next((data for data in found if data is not None), None)

    def write(self, contents: Mapping[Path, bytes]) -> None:
        """Write files, each whole or not at all, durable on return. Raises `Refusal(Code.NO_SPACE)`."""
        files.write_together({path: self.sealed(path, data) for path, data in contents.items()})

    def write_folder(self, folder: Path, contents: Mapping[str, bytes]) -> None:
        """Write a new folder of files, all or nothing, durable on return. Raises `Refusal(Code.NO_SPACE)`."""
        files.write_folder(folder, {name: self.sealed(folder / name, data) for name, data in contents.items()})

    def sealed(self, path: Path, data: bytes, note: str = "") -> bytes:
        """Return what a file with this content holds; a note may be sealed with it."""
        return self.seal.seal(data, self.place(path), note)

    def place(self, path: Path) -> str:
        """Return the place to which a file's content is bound, whether its folder is unfinished, waiting or used."""
        parts = path.relative_to(self.root).parts
        return "/".join([self.area, *(files.final_name(part).removesuffix(USED) for part in parts)])

    # -- names ---------------------------------------------------------------------------------------------
    def names(self, text: str) -> list[str]:
        """Return what stands for a text in names on the disk: as it is written, then as it may be found besides."""
        return [self._pseudonym(text) if is_sealed else text for is_sealed in self.seal.forms]

    def folders(self, folder: str) -> list[Path]:
        """Return where files of a documented folder may be, the place where they are written first.

        Nothing if the name leads out of the root.
        """
        plain = files.inside(self.root, folder)
        if plain is None:
            return []
        return [self._hidden(plain) if is_sealed else plain for is_sealed in self.seal.forms]

    def _hidden(self, plain: Path) -> Path:
        """Return the place of a folder: each part is hashed with those before it, so what is inside stays inside."""
        parts = plain.relative_to(self.root).parts
        return self.root.joinpath(*(self._pseudonym("/".join(parts[: end + 1])) for end in range(len(parts))))

    def _pseudonym(self, text: str) -> str:
        return hmac.new(self._names_key(), f"{self.area}:{text}".encode(), hashlib.sha256).hexdigest()[:_NAME_LENGTH]
