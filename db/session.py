"""Access to the database: an engine for MySQL, MariaDB or SQLite, transactions, and errors as `Refusal`."""

import logging
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.pool import QueuePool

from codes_dict import Code, Refusal

log = logging.getLogger(__name__)

Value = TypeVar("Value")

_SQLITE = "sqlite:///"
_BATCH = 500
_CACHE_KB = 256
_LOCK_WAIT_S = 20
_ANSWER_S = 30  # above the lock wait, so that waiting for a lock is never mistaken for a dead server

# Error numbers of statements when the server goes away, is stopping, or a lock cannot be had in time.
_CONNECTION_ERRORS = frozenset(
    {1040, 1053, 1077, 1079, 1080, 1152, 1153, 1158, 1159, 1160, 1161, 1184, 1203, 1205, 1213, 1317, 1927, 3024}
)
_SQLITE_DOWN = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT,
     sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM}
)  # fmt: skip
_VALUE = re.compile(r"((?:entry|value:?) )'.*?'(?= for |$)", re.DOTALL)
"""A value, which may name somebody, as MySQL quotes it in a message."""


class CommitLostError(Refusal):
    """The connection was lost during a commit: only the database knows whether it succeeded."""


def sqlite_path(uri: str) -> Path | None:
    """Return the file of `sqlite:///path`; None for a server's address. Raises ValueError if there is no file in it."""
    if not uri.startswith("sqlite:"):
        return None
    path = uri.removeprefix(_SQLITE) if uri.startswith(_SQLITE) else ""
    if not path or path == ":memory:":
        raise ValueError("SQLite needs a file: sqlite:///path")
    return Path(path)


def server_address(uri: str) -> tuple[str, int]:
    """Split `host` or `host:port` (an IPv6 address in brackets); the default port is 3306."""
    parts = urlsplit(f"//{uri}")
    if not parts.hostname or parts.path or parts.query or parts.username is not None:
        raise ValueError("the address is host or host:port")
    return parts.hostname, parts.port or 3306


def make_engine(uri: str, user: str = "", password: str = "", schema: str = "", *, connect_timeout: int = 4) -> Engine:
    """Create an engine; nothing is connected yet.

    `uri` is `host`, `host:port` or `sqlite:///path`; `schema` is empty to reach a server before its schema exists;
    `connect_timeout` is in seconds. A SQLite file is never created here: a missing one is an outage, not a new start.
    """
    path = sqlite_path(uri)
    return _sqlite_engine(path) if path is not None else _server_engine(uri, user, password, schema, connect_timeout)


def _server_engine(uri: str, user: str, password: str, schema: str, connect_timeout: int) -> Engine:
    host, port = server_address(uri)
    url = URL.create("mysql+mysqlconnector", user, password or None, host, port, schema or None)
    engine = sa.create_engine(
        url,
        connect_args={
            "connection_timeout": connect_timeout,
            "read_timeout": _ANSWER_S,
            "write_timeout": _ANSWER_S,
            "charset": "utf8mb4",
            "collation": "utf8mb4_bin",  # the driver's own default does not exist on MariaDB
        },
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_recycle=1800,
        pool_size=10,
        max_overflow=20,
        pool_timeout=connect_timeout,
        hide_parameters=True,  # names must not reach a log through an exception's text
    )

    def strict(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'")
        cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {_LOCK_WAIT_S}")
        cursor.close()

    event.listen(engine, "connect", strict)
    return engine


def _sqlite_engine(path: Path) -> Engine:
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: open_sqlite(path, "rw"),
        poolclass=QueuePool,
        pool_size=10,
        max_overflow=20,
        pool_timeout=5,
        hide_parameters=True,
    )
    event.listen(engine, "connect", lambda _connection, record: record.info.update(file=_identity(path)))
    event.listen(engine, "checkout", _same_file(path))
    event.listen(engine, "begin", _begin)
    return engine


def open_sqlite(path: Path, mode: str) -> sqlite3.Connection:
    """Open a SQLite file (`rw`, or `rwc` to create it) in WAL mode with a busy timeout of 10 s."""
    connection = _connected(path, mode)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA secure_delete=ON")  # what was forgotten is not left in freed pages
    # Each connection has its own cache, of 2 MB by default, which any other connection's write makes useless.
    connection.execute(f"PRAGMA cache_size=-{_CACHE_KB}")
    connection.execute("PRAGMA synchronous=FULL")  # in WAL mode anything less may lose the last commits
    return connection


def is_wal(path: Path) -> bool:
    """Whether a SQLite file is there and in WAL mode. Raises `sqlite3.Error` where it is none."""
    if not path.exists():
        return False
    with closing(_connected(path, "rw")) as connection:
        return bool(connection.execute("PRAGMA journal_mode").fetchone() == ("wal",))


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=10, isolation_level=None, check_same_thread=False
    )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _same_file(path: Path) -> Callable[[Any, Any, Any], None]:
    def check(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != _identity(path):  # moved, removed or restored: an open handle would not notice
            raise exc.DisconnectionError("the database file has been replaced")

    return check


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("writes", False):
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options['synced'] else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class Database:
    """Transactions over an engine. Thread-safe; works again once the database is back."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.closed: Refusal | None = None
        """Why nothing may be read or written: the tables are not those of this version; None where they are."""

    @property
    def embedded(self) -> bool:
        """Whether this is SQLite."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self, within: Connection | None = None) -> Iterator[Connection]:
        """Open a transaction for reading, or take the caller's. Every error is `Refusal(Code.DB_DOWN)`."""
        if within is not None:
            yield within
            return
        self._check_open()
        with self._connection(writes=False, failed=Code.DB_DOWN) as connection:
            yield connection

    @contextmanager
    def writing(
        self, failed: Code = Code.INSERT_FAILED, *, synced: bool = True, within: Connection | None = None
    ) -> Iterator[Connection]:
        """Open a transaction, or take the caller's, that commits at the end of the block; any exception rolls it back.

        Unless `synced`, SQLite does not wait for the disk: the commit survives this process, and a power failure once
        any later one is synced. A lost connection is `Refusal(Code.DB_DOWN)`, a refused statement `Refusal(failed)`, a
        connection lost during the commit `CommitLostError`.
        """
        if within is not None:
            yield within
            return
        self._check_open()
        with self._connection(writes=True, failed=failed, synced=synced) as connection:
            yield connection

    def rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        """Return what a query finds, in a transaction of its own. Raises `Refusal(Code.DB_DOWN)`."""
        with self.reading() as connection:
            return connection.execute(query).all()

    def scalars(self, query: sa.Select[Any]) -> list[Any]:
        """Return the first column of what a query finds; raises as `rows`."""
        return [row[0] for row in self.rows(query)]

    def change(self, statement: sa.Insert | sa.Update | sa.Delete, failed: Code = Code.DB_DOWN) -> int:
        """Execute one statement in a transaction of its own; return how many rows it changed. Raises as `writing`."""
        with self.writing(failed) as connection:
            return int(connection.execute(statement).rowcount)

    def found_or_made(self, query: sa.Select[Any], insert: sa.Insert, failed: Code = Code.DB_DOWN) -> Any:
        """Return the value that a query finds, after the insert where there is none; None if it is deleted at once."""
        found = self.scalars(query)
        if not found:
            with self.writing(failed) as connection, suppress(exc.IntegrityError):
                connection.execute(insert)
            found = self.scalars(query)
        return found[0] if found else None

    def migrating(self, writes: bool) -> AbstractContextManager[Connection]:
        """Open a transaction like the others, for the migrations alone: it opens where the database is closed, too."""
        return self._connection(writes=writes, failed=Code.DB_DOWN)

    def _check_open(self) -> None:
        if self.closed is not None:
            raise Refusal(self.closed.code, self.closed.detail)

    @contextmanager
    def _connection(self, writes: bool, failed: Code, synced: bool = True) -> Iterator[Connection]:
        try:
            opened = self.engine.connect().execution_options(writes=writes, synced=synced)
        except exc.SQLAlchemyError as error:
            raise Refusal(Code.DB_DOWN, safe_message(error)) from error
        try:
            yield opened
            if writes:
                _commit(opened)
        except exc.SQLAlchemyError as error:
            raise Refusal(_code(error, failed), safe_message(error)) from error
        finally:
            _close(opened)

    def scrub(self) -> bool:
        """Write SQLite's log into its file and empty it, so that it holds nothing that was deleted.

        False while another connection reads: the next call does it. Does nothing on servers.
        """
        if not self.embedded:
            return True
        try:
            connection = self.engine.raw_connection()
        except (exc.SQLAlchemyError, sqlite3.Error) as error:
            raise Refusal(Code.DB_DOWN, type(error).__name__) from error
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            row = cursor.fetchone()
            return row is not None and not row[0]
        except sqlite3.Error as error:
            log.info("the log of SQLite was not emptied: %s", error)
            return False
        finally:
            connection.close()

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def put(connection: Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Insert a row, or update the one with the same primary key (one column), without the right to delete rows."""
    (key,) = table.primary_key.columns
    same = key == row[key.name]
    exists = connection.execute(sa.select(key).where(same)).first() is not None
    connection.execute(sa.update(table).where(same).values(row) if exists else sa.insert(table).values(row))


def inserted(connection: Connection, table: sa.Table, row: Mapping[str, Any]) -> bool:
    """Insert a row; False where there is one with its key, which may have come in this moment. It stays."""
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(table).values(row))
    except exc.IntegrityError:
        return False
    return True


def batches(values: Iterable[Value]) -> Iterator[list[Value]]:
    """Yield the values in parts that fit into one statement."""
    left = iter(values)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except exc.SQLAlchemyError as error:
        raise CommitLostError(Code.DB_DOWN, f"commit: {safe_message(error)}") from error


def _close(connection: Connection) -> None:
    try:
        connection.close()
    except exc.SQLAlchemyError as error:  # the rollback did not arrive: the server does it on its own
        log.info("a connection was lost while it was closed: %s", safe_message(error))
        if not connection.closed:
            connection.invalidate()


def safe_message(error: exc.SQLAlchemyError) -> str:
    """Return what an error says without the statement, its parameters and the values of rows."""
    said = str(error.orig) if isinstance(error, exc.DBAPIError) else f"{type(error).__name__}: {error}"
    return _VALUE.sub(r"\1'...'", said)


def _code(error: exc.SQLAlchemyError, failed: Code) -> Code:
    if isinstance(error, exc.TimeoutError | exc.DisconnectionError | exc.InterfaceError):
        return Code.DB_DOWN
    if not isinstance(error, exc.DBAPIError):
        return failed
    if isinstance(error.orig, sqlite3.Error):
        primary = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if primary == sqlite3.SQLITE_FULL:
            return Code.NO_SPACE
        return Code.DB_DOWN if primary in _SQLITE_DOWN else failed
    number = getattr(error.orig, "errno", None)
    lost = number in _CONNECTION_ERRORS or (isinstance(number, int) and (number < 0 or 2000 <= number < 3000))
    return Code.DB_DOWN if error.connection_invalidated or lost else failed
