"""What a backup copies and restores: one server's database and folders; and the list of its files with their SHA-256.

The list is written last, so a backup without one is unfinished.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bootstrap.records import audit_folder, open_database, people_names
from db import files
from db.initialise import initialise
from db.schema import PeopleNames
from db.session import Database
from env_validator import Settings
from pipeline.models.weights import sha256_of

NAME = "manifest.json"
FORMAT = "faceapp-backup-1"


@dataclass(frozen=True)
class Manifest:
    """When it was taken (UTC), the tables' version, the database's kind and names, and each file's SHA-256 in hex."""

    time: str
    version: str
    kind: str
    names: dict[str, str]
    people_table: str
    files: dict[str, str]
    format: str = FORMAT


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, durably. Raises `Refusal(NO_SPACE)`."""
    files.write_together({folder / NAME: json.dumps(asdict(manifest), indent=1, sort_keys=True).encode()})


def checked(folder: Path) -> Manifest:
    """Read the manifest and compare every file with it. Raises `ValueError` that says what is wrong."""
    try:
        content: dict[str, Any] = json.loads((folder / NAME).read_bytes())
        manifest = Manifest(**content)
    except FileNotFoundError:
        raise ValueError(f"{folder} has no {NAME}: it is no backup, or was not finished") from None
    except (ValueError, TypeError):
        raise ValueError(f"{folder / NAME} is damaged") from None
    if manifest.format != FORMAT:
        raise ValueError(f"{folder} is a backup of another format: {manifest.format}")
    here = set(relative_files(folder)) - {NAME}
    wrong = sorted(here ^ set(manifest.files)) + sorted(
        name for name in here & set(manifest.files) if sha256_of(folder / name) != manifest.files[name]
    )
    if wrong:
        raise ValueError(f"{len(wrong)} files are missing, changed or not listed, first {wrong[0]}")
    return manifest


def relative_files(folder: Path) -> Iterator[str]:
    """Yield all files in a folder, sorted, by their paths relative to it."""
    yield from sorted(path.relative_to(folder).as_posix() for path in files.files_in(folder) if path.is_file())


@dataclass(frozen=True, eq=False)
class Store:
    """A database, whose tables `initialise` creates, and folders: people, audit, FaceHash. `file` is SQLite's."""

    database: Database
    names: PeopleNames
    initialise: Callable[[], None]
    people: Path
    audit: Path
    facehash: Path
    file: Path | None = None

    @property
    def folders(self) -> dict[str, Path]:
        """The folders, by what a backup calls them."""
        return {"people": self.people, "audit": self.audit, "facehash": self.facehash}


def store_of(settings: Settings) -> Store:
    """Return the store of the settings; nothing is connected yet."""
    names = people_names(settings)

    def create() -> None:
        initialise(settings.sql_uri, names, settings.sql_user, settings.sql_pass, settings.sql_schema)

    folders = settings.db_path, audit_folder(settings), settings.facehash_folder
    return Store(open_database(settings), names, create, *folders, settings.sqlite_path)
