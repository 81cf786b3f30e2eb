"""What a backup copies and restores: one server's database and folders."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bootstrap.records import audit_folder, open_database, people_names
from db.initialise import initialise
from db.schema import PeopleNames
from db.session import Database
from env_validator import Settings


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
