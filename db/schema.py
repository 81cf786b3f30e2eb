"""The tables: the people table of the document, and the tables `faceapp_*` beside it."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import quoted_name
from sqlalchemy.types import TypeDecorator, TypeEngine

ID_WIDTH, NAME_WIDTH, PATH_WIDTH = 64, 200, 500
VERSION = "gallery_version"
"""The name of the counter in `faceapp_state`."""

VECTORS = "vectors"
"""The name of the row that says up to when a Milvus has to be read: a timestamp of its own."""

INSTALLATION = "installation"
"""The name of the row that identifies this database."""

REPLAY_TURN = "replay_turn"
"""The name of the row that claims of photos lock, so that they run one after the other."""


class Exact(TypeDecorator[str]):
    """Text that every database compares byte for byte, whatever its letter case, accents and trailing spaces."""

    impl = sa.String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the server's binary collation without padding."""
        if dialect.name != "mysql":
            return dialect.type_descriptor(sa.String(self.length))
        return dialect.type_descriptor(mysql.VARCHAR(self.length, collation=_collation(dialect)))


def _collation(dialect: Dialect) -> str:
    if getattr(dialect, "is_mariadb", False):
        return "utf8mb4_nopad_bin"
    known = dialect.server_version_info or (0,)
    return "utf8mb4_0900_bin" if known >= (8, 0, 17) else "utf8mb4_bin"


@dataclass(frozen=True)
class PeopleNames:
    """The names that the settings give to the people table and its three columns."""

    table: str = "faceapp"
    id_col: str = "RECO_ID"
    name_col: str = "RECO_NAME"
    path_col: str = "RECO_PATH"

    def __post_init__(self) -> None:
        if len({self.id_col.lower(), self.name_col.lower(), self.path_col.lower()}) < 3:
            raise ValueError("the three columns need three different names")


OWN = sa.MetaData()
_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_default_charset": "utf8mb4"}


def _table(name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(f"faceapp_{name}", OWN, *parts, **_MYSQL)


locks = _table("locks", sa.Column("reco_id", Exact(ID_WIDTH), primary_key=True))

state = _table(
    "state",
    sa.Column("name", Exact(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

# The pairs in the unique constraints are unique anyway: they serve as indexes that are created with the table.
enrolments = _table(
    "enrolments",
    sa.Column("token", Exact(32), primary_key=True),
    sa.Column("reco_id", Exact(ID_WIDTH), nullable=False),
    sa.Column("folder", Exact(PATH_WIDTH), nullable=False),
    sa.Column("upload_id", Exact(100), nullable=False, unique=True),
    sa.Column("images", sa.Integer, nullable=False),
    sa.Column("added_version", sa.BigInteger, nullable=False, unique=True),
    sa.Column("removed_version", sa.BigInteger, nullable=True),
    sa.Column("files_removed", sa.Boolean, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("reco_id", "token"),
    sa.UniqueConstraint("removed_version", "token"),
)
COUNTS: sa.ColumnElement[bool] = enrolments.c.removed_version.is_(None)
"""Whether an enrolment counts: it was not removed."""

# Where a face is that was written anew, when another face of its enrolment was taken away.
face_ids = _table(
    "face_ids",
    sa.Column("face_id", Exact(40), primary_key=True),
    sa.Column("token", Exact(32), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.UniqueConstraint("token", "number"),
)

given_names = _table(
    "names",
    sa.Column("reco_id", Exact(ID_WIDTH), primary_key=True),
    sa.Column("given_name", sa.String(NAME_WIDTH), nullable=False),
)

announced = _table(
    "announced",
    sa.Column("reco_id", Exact(ID_WIDTH), primary_key=True),
    sa.Column("name", sa.String(NAME_WIDTH), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
)

same_people = _table(
    "same",
    sa.Column("reco_id", Exact(ID_WIDTH), primary_key=True),
    sa.Column("other_id", Exact(ID_WIDTH), primary_key=True),
    sa.Column("created", sa.BigInteger, nullable=False),
)

forgetting = _table(
    "forgetting",
    sa.Column("reco_id", Exact(ID_WIDTH), primary_key=True),
    sa.Column("todo", sa.Text(2**24 - 1), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
)

own_keys = _table(
    "own_keys",
    sa.Column("name", Exact(32), primary_key=True),
    sa.Column("value", Exact(64), nullable=False),
)

audit_head = _table(
    "audit",
    sa.Column("name", Exact(32), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("mac", Exact(64), nullable=False),
)

audit_subjects = _table(
    "audit_subjects",
    sa.Column("reco_id", Exact(ID_WIDTH), primary_key=True),
    sa.Column("value", Exact(64), nullable=False),
)

terms = _table(
    "terms",
    sa.Column("reco_id", Exact(ID_WIDTH), primary_key=True),
    sa.Column("consent", sa.String(200), nullable=True),
    sa.Column("retain_until", sa.BigInteger, nullable=True),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("retain_until", "reco_id"),
)

outcomes = _table(
    "outcomes",
    sa.Column("upload_id", Exact(100), primary_key=True),
    sa.Column("code", sa.Integer, nullable=False),
    sa.Column("results", sa.Text(2**24 - 1), nullable=False),
)

acceptances = _table(
    "acceptances",
    sa.Column("upload_id", Exact(100), primary_key=True),
    sa.Column("code", sa.Integer, nullable=False),
    sa.Column("results", sa.Text(2**24 - 1), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
)

replays = _table(
    "replay",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("upload_id", Exact(100), nullable=False),
    sa.Column("digest", Exact(64), nullable=False),
    sa.Column("hash", sa.LargeBinary(128), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("upload_id", "digest"),
    sa.UniqueConstraint("digest", "number"),
    sa.UniqueConstraint("created", "number"),
)

replay_bands = _table(
    "replay_bands",
    sa.Column("band", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("bits", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.UniqueConstraint("number", "band"),
)

replay_faces = _table(
    "replay_faces",
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("face", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("code", sa.LargeBinary(128), nullable=False),
)

challenges = _table(
    "challenges",
    sa.Column("nonce", Exact(32), primary_key=True),
    sa.Column("reco_id", Exact(ID_WIDTH), nullable=False),
    sa.Column("actions", sa.String(200), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("used", sa.BigInteger, nullable=True),
    sa.UniqueConstraint("created", "nonce"),
)

keys = _table(
    "keys",
    sa.Column("key_id", Exact(16), primary_key=True),
    sa.Column("digest", Exact(64), nullable=False, unique=True),
    sa.Column("label", sa.String(100), nullable=False),
    sa.Column("scopes", sa.String(200), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=True),
    sa.Column("revoked", sa.BigInteger, nullable=True),
)


def people_table(names: PeopleNames) -> sa.Table:
    """Return the people table as `initialise` creates it: integer primary key, ID, name, path."""
    key = "ID" if "id" not in {names.id_col.lower(), names.name_col.lower(), names.path_col.lower()} else "ROW_ID"
    return sa.Table(
        _quoted(names.table),
        sa.MetaData(),
        sa.Column(key, sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(_quoted(names.id_col), Exact(ID_WIDTH), nullable=False, unique=True),
        sa.Column(_quoted(names.name_col), sa.String(NAME_WIDTH), nullable=False),
        sa.Column(_quoted(names.path_col), sa.String(PATH_WIDTH), nullable=False),
        sqlite_autoincrement=True,
        **_MYSQL,
    )


def people_words(names: PeopleNames) -> sa.TableClause:
    """Return the people table for queries: its name and three columns, always quoted."""
    columns = (sa.column(_quoted(name), sa.String) for name in (names.id_col, names.name_col, names.path_col))
    return sa.table(_quoted(names.table), *columns)


def _quoted(name: str) -> quoted_name:
    return quoted_name(name, quote=True)
