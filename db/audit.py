"""Appends to the audit: a line in a file of the month, counted by the commit of the row that holds the chain's head.

There is one chain for each database. Whoever appends locks the head's row until the commit, so that entries of several
processes and servers follow one another; each server writes into files of its own folder. The line is durable before
the commit, and whatever is recorded is answered only after it: without an entry there is no verdict.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code, Refusal
from db import files
from db.installation import AUDIT, own_key, own_key_in
from db.schema import audit_head, audit_subjects
from db.session import Database, inserted
from pipeline.ports import AuditEvent
from security.audit import Head, chained, subject_of
from security.audit_check import Line, read_line

_ONLY = audit_head.c.name == "head"


class AuditTrail:
    """The audit of a database, written into `folder`. `clock` is in seconds since 1970. Thread-safe."""

    def __init__(self, database: Database, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._database, self._folder, self._clock = database, folder, clock

    def record(self, event: AuditEvent, connection: Connection | None = None) -> None:
        """Append an entry, in a transaction of its own or in the caller's. Raises `Refusal` NO_SPACE or DB_DOWN."""
        with self._database.writing(Code.DB_DOWN, within=connection) as used:
            self._append(used, event)

    def key(self) -> bytes:
        """Return the key of the chain. Raises `Refusal(DB_DOWN)`."""
        return own_key(self._database, AUDIT)

    def head(self) -> Head:
        """Return the last entry's number and mac. Raises `Refusal(DB_DOWN)`."""
        with self._database.reading() as connection:
            return _head(connection)

    def subject(self, person_id: str) -> str:
        """Return a person's pseudonym; empty where nothing is recorded of the person, who may be forgotten."""
        with self._database.reading() as own:
            return known_subject(own, person_id)

    def lines(self, *more: Path) -> Iterator[Line]:
        """Yield every line of this folder and others, oldest file first."""
        for folder in (self._folder, *more):
            for path in sorted(folder.glob("audit-*.jsonl")):
                with path.open(encoding="utf-8", errors="replace") as file:
                    for number, text in enumerate(file, start=1):
                        if text.strip():
                            yield read_line(f"{path.name} line {number}", text)

    def _append(self, connection: Connection, event: AuditEvent) -> None:
        before = _head(connection, lock=True)
        subject = event.subject or (_subject(connection, event.person_id) if event.person_id else "")
        now = self._clock()
        line, after = chained(own_key_in(connection, AUDIT), before, event, subject, now)
        month = datetime.fromtimestamp(now, UTC).strftime("%Y-%m")
        files.append_line(self._folder / f"audit-{month}.jsonl", line)
        connection.execute(sa.update(audit_head).where(_ONLY).values(count=after.count, mac=after.mac))


def _head(connection: Connection, *, lock: bool = False) -> Head:
    query = sa.select(audit_head.c.count, audit_head.c.mac).where(_ONLY)
    count, mac = connection.execute(query.with_for_update() if lock else query).one()
    return Head(int(count), str(mac))


def subject_key(database: Database, person_id: str, draw: bool) -> bytes | None:
    """Return the key of a person's pseudonyms, drawn where there is none and `draw`; empty where there is none.

    None while the database is away.
    """
    try:
        with database.reading() as connection:
            found = _subject_key(connection, person_id)
        if found is None and draw:
            with database.writing(Code.DB_DOWN) as connection:
                _draw(connection, person_id)
                found = _subject_key(connection, person_id)
    except Refusal:
        return None
    return found or b""


def known_subject(connection: Connection, person_id: str) -> str:
    """Return a person's pseudonym; empty where there is no key for it."""
    key = _subject_key(connection, person_id)
    return subject_of(key, person_id) if key is not None else ""


def _subject(connection: Connection, person_id: str) -> str:
    """Return the person's pseudonym; draws the key at the first entry, under the lock of the head."""
    known = known_subject(connection, person_id)
    if known:
        return known
    _draw(connection, person_id)
    return known_subject(connection, person_id)


def _subject_key(connection: Connection, person_id: str) -> bytes | None:
    query = sa.select(audit_subjects.c.value).where(audit_subjects.c.reco_id == person_id)
    key = connection.execute(query).scalar()
    return bytes.fromhex(str(key)) if key is not None else None


def _draw(connection: Connection, person_id: str) -> None:
    """Draw a person's key, unless another process does at the same moment: then that one counts."""
    inserted(connection, audit_subjects, {"reco_id": person_id, "value": secrets.token_hex(32)})
