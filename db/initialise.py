"""A new database: the schema on a server or the SQLite file, the people table, and the tables `faceapp_*`."""

import sqlalchemy as sa
from sqlalchemy import exc

from db import files
from db.migrations.upgrade import upgrade
from db.schema import PeopleNames, people_table
from db.session import Database, is_wal, make_engine, open_sqlite, sqlite_path

_UNKNOWN_SCHEMA = 1049


def initialise(uri: str, names: PeopleNames, user: str = "", password: str = "", schema: str = "") -> None:
    """Create schema and tables if they are missing; can be repeated and called by several processes at once.

    Raises `Refusal(Code.DB_DOWN)` if the server cannot be reached, `Refusal(Code.INSERT_FAILED)` if the user may not
    create, `Refusal(Code.NO_SPACE)`, `OSError` or `sqlite3.Error` if a SQLite file cannot be created.
    """
    path = sqlite_path(uri)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not is_wal(path):
            lock = path.with_name(f".{path.name}.lock")
            with files.locked(lock, wait=True):  # SQLite does not wait where another process changes to WAL mode
                open_sqlite(path, "rwc").close()
                files.remove(lock)  # whoever waits for it still finds the mode changed
    else:
        _make_schema(uri, user, password, schema)
    database = Database(make_engine(uri, user, password, schema))
    try:
        with database.writing() as connection:
            connection.execute(sa.schema.CreateTable(people_table(names), if_not_exists=True))
        upgrade(database, create=True)
    finally:
        database.dispose()


def _make_schema(uri: str, user: str, password: str, schema: str) -> None:
    known = make_engine(uri, user, password, schema)
    try:
        with known.connect():
            return  # the user need not be allowed to create schemas
    except exc.DBAPIError as error:
        if getattr(error.orig, "errno", None) != _UNKNOWN_SCHEMA:
            return  # the error appears again, translated, when the tables are created
    finally:
        known.dispose()
    server = Database(make_engine(uri, user, password))
    try:
        with server.writing() as connection:
            preparer = connection.dialect.identifier_preparer
            name = preparer.quote_identifier(schema)
            connection.exec_driver_sql(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4")
    finally:
        server.dispose()
