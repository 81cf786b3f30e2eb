"""Takes a backup beside the working server.

The database is copied as it is at one moment, the files after it. Files never change, and go only after the commit that
removes their enrolment. So where no enrolment of the copy was removed meanwhile, all its files were there to be copied;
else the database is copied again, and then what is missing of the files: in the end while nobody can be removed.
"""

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from codes_dict import Code, Refusal
from db import files
from db.audit import AuditTrail
from db.enrolments import EnrolmentRecords
from db.migrations.upgrade import revisions, upgrade
from db.session import Database, open_sqlite
from pipeline.models.weights import sha256_of
from pipeline.ports import AuditEvent
from tools.backup import manifest, rows
from tools.backup.manifest import Store

_TRIES = 4
"""Copies that are begun while people may be removed; for one more they wait."""
SQLITE = "database.sqlite"
Step = Callable[[str], None]


def take(store: Store, target: Path, step: Step = lambda _name: None) -> manifest.Manifest:
    """Back the store up into a new or empty folder. Raises `ValueError` or `Refusal`; then there is no manifest.

    Uploads, settings and Milvus are not part of it: uploads end within hours, Milvus is derived from the images.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{target} is not empty")
    target.mkdir(parents=True, exist_ok=True)
    upgrade(store.database)
    AuditTrail(store.database, store.audit).record(AuditEvent("backup"))
    for left in reversed(range(_TRIES + 1)):
        with nullcontext() if left else _nobody_removed(store.database):
            statement, tokens = _copy_database(store, target)
            step("database copied")
            _mirror(store.people, target / "people")
            step("files copied")
            if set(tokens) <= EnrolmentRecords(store.database).active(tokens):
                break
    _mirror(store.audit, target / "audit")
    _mirror_homes(store.facehash, target / "facehash")
    found = {name: sha256_of(target / name) for name in manifest.relative_files(target)}
    kind = "sqlite" if store.file else "server"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    made = manifest.Manifest(now, revisions()[0], kind, vars(store.names), statement, found)
    _sync(target)
    step("copied")
    manifest.write(target, made)
    return made


@contextmanager
def _nobody_removed(database: Database) -> Iterator[None]:
    """Let enrolments and forgettings wait for the end of the block: each of their commits needs a version."""
    with database.writing(failed=Code.DB_DOWN) as connection:
        EnrolmentRecords(database).next_version(connection)
        yield


def _copy_database(store: Store, target: Path) -> tuple[str, list[str]]:
    """Copy the database; return the statement of the people table (of servers) and the enrolments that count."""
    if store.file is None:
        folder = Path(tempfile.mkdtemp(prefix=".tables-", dir=target)) / "tables"
        statement = rows.dump(store, folder)
        shutil.rmtree(target / "tables", ignore_errors=True)
        folder.rename(target / "tables")
        folder.parent.rmdir()
        return statement, rows.active_tokens(target / "tables")
    path = target / SQLITE
    path.unlink(missing_ok=True)
    with contextlib.closing(open_sqlite(store.file, "rw")) as source, contextlib.closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        tokens = copy.execute("SELECT token FROM faceapp_enrolments WHERE removed_version IS NULL").fetchall()
    return "", [str(token) for (token,) in tokens]


def _mirror_homes(source: Path, target: Path) -> None:
    """Copy FaceHash's homes, again where another classifier came into use meanwhile, whose files may be missing."""
    for _ in range(_TRIES):
        before = _in_use(source)
        _mirror(source, target)
        if _in_use(source) == before:
            return
    raise ValueError("classifiers keep being trained: try again when it is quieter")


def _in_use(homes: Path) -> dict[Path, bytes | None]:
    return {path: files.read_bytes(path) for path in homes.glob("HOME_*/current")}


def _mirror(source: Path, target: Path) -> None:
    """Copy what is new, and remove what is gone: of somebody who was forgotten meanwhile no copy stays."""
    target.mkdir(exist_ok=True)
    here = {name for name in manifest.relative_files(source) if not _is_passing(name)} if source.exists() else set()
    for name in set(manifest.relative_files(target)) - here:
        (target / name).unlink()
    for name in sorted(here):
        _copy(source / name, target / name)


def _is_passing(name: str) -> bool:
    """Whether a file is unfinished, a lock, or a note of work under way."""
    path = Path(name)
    return path.name.endswith((files.PART, ".lock")) or path.parts[0].startswith(".")


def _copy(source: Path, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # removed meanwhile: the check of the enrolments finds that
        if target.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _sync(folder: Path) -> None:
    """Make every file durable before the manifest says so."""
    try:
        for name in manifest.relative_files(folder):
            files.sync(folder / name)
    except OSError as error:
        raise Refusal(Code.NO_SPACE, f"{folder}: {error.strerror}") from error
