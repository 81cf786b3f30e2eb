"""IDs that an admin has declared to be one person: none of them is a rival of another in a decision."""

import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code
from db.schema import same_people
from db.session import Database, inserted


class SamePeople:
    """The table `faceapp_same`: a row in each direction per pair of IDs. `clock` is in seconds since 1970."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    def of(self, person_id: str) -> frozenset[str]:
        """Return the IDs that are linked with this one directly. Raises `Refusal(DB_DOWN)`."""
        query = sa.select(same_people.c.other_id).where(same_people.c.reco_id == person_id)
        return frozenset(self._database.scalars(query))

    def link(self, first: str, second: str) -> None:
        """Declare two IDs to be one person; a second time changes nothing. Raises `ValueError` for equal IDs."""
        if first == second:
            raise ValueError("an ID cannot be linked with itself")
        now = int(self._clock())
        pairs = sorted(((first, second), (second, first)))  # in one order, so that two requests do not deadlock
        with self._database.writing(failed=Code.DB_DOWN) as connection:
            for one, other in pairs:
                inserted(connection, same_people, {"reco_id": one, "other_id": other, "created": now})

    def unlink(self, first: str, second: str) -> bool:
        """Remove the link of two IDs; whether there was one."""
        with self._database.writing(failed=Code.DB_DOWN) as connection:
            return _remove(connection, first, second) > 0


def count_links(connection: Connection, person_id: str) -> int:
    """Return how many IDs are linked with an ID."""
    query = sa.select(sa.func.count()).select_from(same_people).where(same_people.c.reco_id == person_id)
    return int(connection.execute(query).scalar_one())


def forget_links(connection: Connection, person_id: str) -> None:
    """Remove an ID's links: whoever gets the ID next is another person.

    Without links nothing is deleted, so that an enrolment needs no right to.
    """
    if not count_links(connection, person_id):
        return
    either = (same_people.c.reco_id == person_id) | (same_people.c.other_id == person_id)
    connection.execute(sa.delete(same_people).where(either))


def _remove(connection: Connection, first: str, second: str) -> int:
    one, other = same_people.c.reco_id, same_people.c.other_id
    pair = ((one == first) & (other == second)) | ((one == second) & (other == first))
    return int(connection.execute(sa.delete(same_people).where(pair)).rowcount)
