"""Applies the revisions that a database lacks, once, whoever else tries at the same time."""

import hashlib
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code, Refusal
from db.migrations.fresh import make_tables, versions
from db.schema import OWN, state
from db.session import Database

log = logging.getLogger(__name__)

_REVISIONS = Path(__file__).resolve().parent / "versions"
_WAIT_S = 60
_ALEMBIC = threading.Lock()  # its context is global in a process


def upgrade(database: Database, *, create: bool = False) -> None:
    """Bring the tables to this version. Without `create`, a database that was never initialised stays as it is.

    Raises `Refusal`: DB_NEWER, and from then on for every use of `database`, where a newer version has changed it;
    DB_DOWN, also if the user may not change tables.
    """
    with _ALEMBIC:
        with database.migrating(writes=False) as connection:
            version = _version(connection)
            _check(database, version)
            if version == revisions()[0] or not (create or sa.inspect(connection).has_table(state.name)):
                return
        with database.migrating(writes=True) as connection, _alone(connection):
            version = _version(connection)  # another process may have been faster
            _check(database, version)
            if version != revisions()[0]:
                log.info("bringing the tables from version %s to %s", version or "none", revisions()[0])
                _bring(connection)


@cache
def revisions() -> list[str]:
    """Return the revisions that this version knows, newest first: the numbers in their files' names."""
    return sorted((file.name[1:5] for file in _REVISIONS.glob("v[0-9]*.py")), reverse=True)


def _bring(connection: Connection) -> None:
    if not set(OWN.tables).intersection(sa.inspect(connection).get_table_names()):
        make_tables(connection, revisions()[0])
        return
    from db.migrations.applying import apply_revisions

    apply_revisions(connection)


def _version(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(versions.name):
        return None
    return connection.execute(sa.select(versions.c.version_num)).scalar()


def _check(database: Database, version: str | None) -> None:
    is_newer = version is not None and version not in revisions()
    detail = f"the tables have version {version}, this server knows {revisions()[0]} and earlier ones"
    database.closed = Refusal(Code.DB_NEWER, detail) if is_newer else None
    if database.closed is not None:
        raise database.closed


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Keep other processes out: SQLite's transaction does that by itself, a server has named locks."""
    if connection.dialect.name == "sqlite":
        yield
        return
    schema = str(connection.engine.url.database).encode()
    name = f"faceapp.{hashlib.sha256(schema).hexdigest()[:32]}"  # 64 characters at most, shared by all schemas
    if not connection.execute(sa.select(sa.func.get_lock(name, _WAIT_S))).scalar():
        raise Refusal(Code.DB_DOWN, "another server is changing the tables")
    try:
        yield
        connection.commit()
    finally:
        connection.execute(sa.select(sa.func.release_lock(name)))
