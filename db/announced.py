"""People who have an ID and a name, and no face yet. Their rows in the people table are made with the first face."""

import time
from collections.abc import Callable

import sqlalchemy as sa

from codes_dict import Code
from db.schema import announced
from db.session import Database, inserted


class Announced:
    """The table of announced people. Every method raises `Refusal(DB_DOWN)` while the database is away."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    def add(self, person_id: str, name: str) -> bool:
        """Announce somebody; False where the ID is announced already."""
        row = {"reco_id": person_id, "name": name, "created": int(self._clock())}
        with self._database.writing(failed=Code.DB_DOWN) as connection:
            return inserted(connection, announced, row)

    def find(self, person_id: str) -> str | None:
        """Return the name of somebody who is announced."""
        found = self._database.scalars(sa.select(announced.c.name).where(announced.c.reco_id == person_id))
        return str(found[0]) if found else None

    def rename(self, person_id: str, name: str) -> None:
        """Give somebody who is announced another name."""
        self._database.change(sa.update(announced).where(announced.c.reco_id == person_id).values(name=name))

    def remove(self, person_id: str) -> bool:
        """Take somebody out; False where nobody was there."""
        return self._database.change(sa.delete(announced).where(announced.c.reco_id == person_id)) > 0

    def all(self) -> list[tuple[str, str]]:
        """Return the IDs and names of everybody who is announced, by ID."""
        query = sa.select(announced.c.reco_id, announced.c.name).order_by(announced.c.reco_id)
        return [(str(person_id), str(name)) for person_id, name in self._database.rows(query)]
