"""The terms under which people are enrolled, and whose time has come."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db.schema import terms
from db.session import put
from pipeline.ports import Terms


def keep_terms(connection: Connection, person_id: str, sent: Terms, now: int) -> None:
    """Keep what was sent with an enrolment; what was not sent stays as it was. `now` is in seconds since 1970."""
    new = {"consent": sent.consent or None, "retain_until": sent.retain_until}
    given = {name: value for name, value in new.items() if value is not None}
    put(connection, terms, {"reco_id": person_id, **given, "created": now})


def terms_of(connection: Connection, person_id: str) -> Terms | None:
    """Return a person's terms, None where none were sent."""
    query = sa.select(terms.c.consent, terms.c.retain_until).where(terms.c.reco_id == person_id)
    row = connection.execute(query).first()
    return Terms(row.consent or "", row.retain_until) if row else None


def due(connection: Connection, now: float) -> list[str]:
    """Return the IDs whose day is over."""
    return list(connection.execute(sa.select(terms.c.reco_id).where(terms.c.retain_until <= now)).scalars())
