"""Keys that an installation draws for itself and keeps in its database."""

import secrets

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db.schema import own_keys
from db.session import Database

PSEUDONYMS, RECEIPTS, NAMES, AUDIT = "pseudonyms", "receipts", "names", "audit"


def own_key(database: Database, name: str) -> bytes:
    """Return the key of this name, 32 bytes, drawn at the first call. Raises `Refusal(DB_DOWN)`."""
    query = sa.select(own_keys.c.value).where(own_keys.c.name == name)
    drawn = sa.insert(own_keys).values(name=name, value=secrets.token_hex(32))
    return bytes.fromhex(str(database.found_or_made(query, drawn)))


def own_key_in(connection: Connection, name: str) -> bytes:
    """Return the key of this name inside a transaction that keeps others who might draw it out."""
    query = sa.select(own_keys.c.value).where(own_keys.c.name == name)
    found = connection.execute(query).scalar()
    if found is None:
        found = secrets.token_hex(32)
        connection.execute(sa.insert(own_keys).values(name=name, value=found))
    return bytes.fromhex(str(found))
