"""Takes a backup beside the working server.

The database is copied as it is at one moment, the files after it. Files never change, and go only after the commit that
removes their enrolment. So where no enrolment of the copy was removed meanwhile, all its files were there to be copied;
else the database is copied again, and then what is missing of the files.
"""

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from codes_dict import Code, Refusal
from db import files
from db.audit import AuditTrail
from db.enrolments import EnrolmentRecords
from db.migrations.upgrade import revisions, upgrade
from db.session import open_sqlite
from pipeline.ports import AuditEvent
from tools.backup import manifest, rows
from tools.backup.manifest import Store

_TRIES = 10
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
    for _ in range(_TRIES):
        statement, tokens = _copy_database(store, target)
        step("database copied")
        _mirror(store.people, target / "people")
        step("files copied")
        if set(tokens) <= EnrolmentRecords(store.database).active(tokens):
            break
    else:
        raise ValueError("people keep being removed: try again when it is quieter")
    for name in ("audit", "facehash"):
        _mirror(store.folders[name], target / name)
    found = {name: manifest.sha256(target / name) for name in manifest.relative_files(target)}
    kind = "sqlite" if store.file else "server"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    made = manifest.Manifest(now, revisions()[0], kind, vars(store.names), statement, found)
    _sync(target)
    step("copied")
    manifest.write(target, made)
    return made


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
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
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
