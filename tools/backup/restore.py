"""Puts a backup into an empty place. What was interrupted goes on where the same backup is given again."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from db import files
from db.audit import AuditTrail
from db.migrations.upgrade import revisions, upgrade
from db.schema import OWN, enrolments
from pipeline.models.weights import sha256_of
from pipeline.ports import AuditEvent
from tools.backup import manifest, rows
from tools.backup.manifest import Store
from tools.backup.take import SQLITE, Step
from tools.cli.options import batches

MARK = ".restoring"
_TOGETHER = 64


def restore(source: Path, store: Store, step: Step = lambda _name: None) -> manifest.Manifest:
    """Check the backup, then restore files, audit and, last, the database.

    Raises `ValueError` that says why nothing was changed: the backup is damaged or of another kind or version, or there
    is something in the place already. Raises `Refusal` where the database cannot be written.
    """
    found = manifest.checked(source)
    _check_fits(found, store)
    mark, name = store.people / MARK, sha256_of(source / manifest.NAME).encode()
    if not (mark.exists() and mark.read_bytes() == name):
        _check_empty(store)
    store.people.mkdir(parents=True, exist_ok=True)
    files.write_together({mark: name})
    step("marked")
    for folder, target in store.folders.items():
        for some in batches(manifest.relative_files(source / folder), _TOGETHER):
            files.write_together({target / one: (source / folder / one).read_bytes() for one in some})
        step(f"{folder} restored")
    _restore_database(source, found, store)
    step("database restored")
    upgrade(store.database)
    AuditTrail(store.database, store.audit).record(AuditEvent("restore", about={"taken": found.time}))
    mark.unlink()
    return found


def _check_fits(found: manifest.Manifest, store: Store) -> None:
    kind, kinds = "sqlite" if store.file else "server", {"sqlite": "a SQLite file", "server": "a database server"}
    if found.kind != kind:
        raise ValueError(f"the backup is of {kinds.get(found.kind, found.kind)}, the settings name {kinds[kind]}")
    if found.names != vars(store.names):
        raise ValueError(f"SQL_TABLE, ID_COL, NAME_COL, PATH_COL of the backup are {', '.join(found.names.values())}")
    if found.version not in revisions():
        raise ValueError(f"the backup's tables have version {found.version}, from a newer server")
    if kind == "server" and found.version != revisions()[0]:
        raise ValueError(f"the backup's tables have version {found.version}: restore it with that version, then update")


def _check_empty(store: Store) -> None:
    for folder in store.folders.values():
        if folder.exists() and any(not Path(name).name.startswith(".") for name in manifest.relative_files(folder)):
            raise ValueError(f"{folder} is not empty")
    if store.file is None or store.file.exists():
        with store.database.reading() as connection:
            known = sa.inspect(connection).get_table_names()
            for table in (enrolments, OWN.tables["faceapp_keys"], sa.table(store.names.table)):
                query = sa.select(sa.literal(1)).select_from(table).limit(1)
                if table.name in known and connection.execute(query).first() is not None:
                    raise ValueError(f"the table {table.name} is not empty")


def _restore_database(source: Path, found: manifest.Manifest, store: Store) -> None:
    if store.file is None:
        rows.load(store, source / "tables", found.people_table)
        return
    store.database.dispose()
    part = files.part_of(store.file)
    store.file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / SQLITE, part)
    with contextlib.closing(sqlite3.connect(part)) as copy:
        if copy.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise ValueError("the database in the backup is damaged")
    files.sync(part)
    for name in ("-wal", "-shm"):  # they belong to the file that goes
        store.file.with_name(store.file.name + name).unlink(missing_ok=True)
    part.replace(store.file)
    files.sync(store.file.parent)
