"""A database without any of our tables: it is made as `db.schema` declares it, without going through the revisions."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db.installation import AUDIT, own_key_in
from db.schema import OWN, REPLAY_TURN, VECTORS, VERSION, audit_head, state
from security.audit import START

versions = sa.Table(
    "faceapp_migrations",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="faceapp_migrations_pkc"),
)
"""Alembic's table: the revision that the tables have."""


def make_tables(connection: Connection, version: str) -> None:
    """Create all tables with their first rows; where that is interrupted, the revisions create what is missing."""
    OWN.create_all(connection)
    connection.execute(sa.insert(state), [{"name": name, "value": 0} for name in (VERSION, REPLAY_TURN, VECTORS)])
    connection.execute(sa.insert(audit_head).values(name="head", count=0, mac=START))
    own_key_in(connection, AUDIT)
    versions.create(connection)
    connection.execute(sa.insert(versions).values(version_num=version))
