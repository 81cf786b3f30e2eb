"""The table of API keys. It holds hashes of keys, never a key."""

import sqlalchemy as sa

from codes_dict import Refusal
from db.schema import keys
from db.session import Database
from security.keys import KeyRecord


class KeyRecords:
    """The table `faceapp_keys`. No row is ever deleted: a server that had keys does not become open again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[KeyRecord]:
        """Return every key, oldest first; none where the table is missing. Raises `Refusal(DB_DOWN)`."""
        try:
            with self._database.reading() as connection:
                rows = connection.execute(sa.select(keys).order_by(keys.c.created, keys.c.key_id)).mappings().all()
        except Refusal:
            with self._database.reading() as connection:
                if sa.inspect(connection).has_table(keys.name):
                    raise
            return []
        return [KeyRecord(**{**row, "scopes": frozenset(row["scopes"].split(","))}) for row in rows]

    def add(self, record: KeyRecord) -> None:
        """Store a new key. Raises `Refusal(DB_DOWN)`."""
        row = {**vars(record), "scopes": ",".join(sorted(record.scopes))}
        self._database.change(sa.insert(keys).values(row))

    def revoke(self, key_id: str, now: int) -> bool:
        """Revoke a key for good; whether there was one that was not revoked. Raises `Refusal(DB_DOWN)`."""
        valid = (keys.c.key_id == key_id) & keys.c.revoked.is_(None)
        return self._database.change(sa.update(keys).where(valid).values(revoked=now)) > 0
