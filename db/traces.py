"""The rows beside the people table and the enrolments that tell of an ID."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from db.same_people import count_links, forget_links
from db.schema import (
    acceptances,
    announced,
    audit_subjects,
    challenges,
    given_names,
    outcomes,
    replay_bands,
    replay_faces,
    replays,
    terms,
)
from db.session import batches


def erase(connection: Connection, person_id: str) -> dict[str, int]:
    """Delete names, links, challenges, and everything of the ID's uploads; return how many of each kind."""
    links = count_links(connection, person_id)
    forget_links(connection, person_id)
    return {
        "names": _delete(connection, given_names.c.reco_id, [person_id]),
        "links": links,
        "announcements": _delete(connection, announced.c.reco_id, [person_id]),
        "challenges": _delete(connection, challenges.c.reco_id, [person_id]),
        "terms": _delete(connection, terms.c.reco_id, [person_id]),
        "audit_keys": _delete(connection, audit_subjects.c.reco_id, [person_id]),
        "replay_marks": _forget_marks(connection, person_id),
        "outcomes": _delete(connection, outcomes.c.upload_id, _uploads(connection, outcomes, person_id)),
        "acceptances": _delete(connection, acceptances.c.upload_id, _uploads(connection, acceptances, person_id)),
    }


def is_announced(connection: Connection, person_id: str) -> bool:
    """Whether an ID has a name and no face yet."""
    return connection.execute(sa.select(announced.c.name).where(announced.c.reco_id == person_id)).first() is not None


def _forget_marks(connection: Connection, person_id: str) -> int:
    uploads = _uploads(connection, replays, person_id)
    for some in batches(uploads):
        numbers = sa.select(replays.c.number).where(replays.c.upload_id.in_(some))
        for table in (replay_bands, replay_faces):
            connection.execute(sa.delete(table).where(table.c.number.in_(numbers)))
    return _delete(connection, replays.c.upload_id, uploads)


def _uploads(connection: Connection, table: sa.Table, person_id: str) -> list[str]:
    """Return the ID's uploads in a table: a range of its index, without those of IDs that go on with a `-`."""
    column = table.c.upload_id
    query = sa.select(column).distinct().where((column >= f"{person_id}-") & (column < f"{person_id}."))
    return [one for one in connection.execute(query).scalars() if one.rpartition("-")[0] == person_id]


def _delete(connection: Connection, column: sa.Column[str], values: Sequence[str]) -> int:
    table = sa.delete(column.table)
    return sum(int(connection.execute(table.where(column.in_(some))).rowcount) for some in batches(values))
