"""Uploads that `/verify` accepted: each is accepted once, and how that ended is kept for whoever asks again."""

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from codes_dict import Code, Outcome
from db.audit import AuditTrail
from db.enrolments import outcome_of, outcome_row
from db.schema import acceptances
from db.session import Database, inserted
from pipeline.ports import AuditEvent


class Acceptances:
    """The uploads that were accepted, with code and results. `clock` is in seconds since 1970."""

    def __init__(self, database: Database, audit: AuditTrail, clock: Callable[[], float] = time.time) -> None:
        self._database, self._audit, self._clock = database, audit, clock

    def of(self, upload_id: str) -> Outcome | None:
        """Return how an upload was accepted; None if it was not. Raises `Refusal(DB_DOWN)`."""
        return outcome_of(self._database.rows(_query(upload_id)))

    def accept(self, upload_id: str, outcome: Outcome, event: AuditEvent) -> Outcome | None:
        """Record an acceptance, in the audit too; return the earlier one, which stays, if there is one.

        Of several processes that accept one upload at the same time, one gets None. Raises `Refusal` DB_DOWN or
        NO_SPACE: the acceptance may be recorded or not, and must not be answered.
        """
        row = {**outcome_row(upload_id, outcome), "created": int(self._clock())}
        with self._database.writing(failed=Code.DB_DOWN) as connection:
            if not inserted(connection, acceptances, row):
                return outcome_of(connection.execute(_query(upload_id)).all())
            self._audit.record(event, connection)
        return None

    def expire(self, before: float) -> int:
        """Delete what was accepted before that time (seconds since 1970): its upload has ended; return how many."""
        return self._database.change(sa.delete(acceptances).where(acceptances.c.created < before))


def _query(upload_id: str) -> sa.Select[Any]:
    return sa.select(acceptances.c.code, acceptances.c.results).where(acceptances.c.upload_id == upload_id)
