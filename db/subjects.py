"""People who are known by their names alone: each name is one person's, whose ID the server made.

Their rows are those of everybody: in the people table with their first face, among the announced before it. Whoever
adds or renames one locks the same row, so that no name is given twice.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code, Refusal
from db.enrolments import EnrolmentRecords
from db.people import People
from db.schema import announced
from db.session import Database, put
from pipeline.types import Person

_TURN = "cf-"
"""The row of the locks that additions and renamings take, one after the other."""


@dataclass(frozen=True, eq=False)
class Subjects:
    """Subjects, whose IDs begin with `ids[0]` and are before `ids[1]`; `shown` returns a person's name as replies do.

    Every method raises `Refusal(DB_DOWN)` while the database is away.
    """

    database: Database
    people: People
    enrolments: EnrolmentRecords
    ids: tuple[str, str]
    shown: Callable[[Person], str]
    clock: Callable[[], float] = time.time

    def all(self) -> list[tuple[str, str]]:
        """Return the IDs and names of all subjects, by name."""
        with self.database.reading() as connection:
            return sorted(self._named(connection), key=lambda one: (one[1], one[0]))

    def find(self, name: str) -> str | None:
        """Return the ID of the subject with exactly this name; the first one by ID where the table names several so."""
        with self.database.reading() as connection:
            return self._find(connection, name)

    def announce(self, name: str) -> tuple[str, bool]:
        """Return the ID of the subject with this name, and whether it is new: then it is announced."""
        self.enrolments.make_lock(_TURN)
        with self.database.writing(failed=Code.DB_DOWN) as connection:
            self.enrolments.lock(connection, _TURN)
            known = self._find(connection, name)
            if known is not None:
                return known, False
            person_id = self.ids[0] + secrets.token_hex(8)
            self._announce(connection, person_id, name)
        return person_id, True

    def rename(self, person_id: str, name: str) -> str | None:
        """Give a subject another name, unless another one has it: return that one's ID. Raises `Refusal(NO_ROW)`."""
        self.enrolments.make_lock(_TURN)
        with self.database.writing(failed=Code.DB_DOWN) as connection:
            self.enrolments.lock(connection, _TURN)
            taken = self._find(connection, name)
            if taken is not None and taken != person_id:
                return taken
            row = self.people.find_in(connection, person_id, lock=True)
            if row is not None:
                self.people.update(connection, person_id, name, row.path)
            elif connection.execute(sa.select(announced).where(announced.c.reco_id == person_id)).first():
                self._announce(connection, person_id, name)
            else:
                raise Refusal(Code.NO_ROW, field="subject")
        return None

    def _announce(self, connection: Connection, person_id: str, name: str) -> None:
        put(connection, announced, {"reco_id": person_id, "name": name, "created": int(self.clock())})

    def _find(self, connection: Connection, name: str) -> str | None:
        return min((one for one, its_name in self._named(connection, name) if its_name == name), default=None)

    def _named(self, connection: Connection, name: str | None = None) -> Iterator[tuple[str, str]]:
        """Yield IDs and names; with `name`, of those alone that may have it."""
        first, end = self.ids
        for person in self.people.between(connection, first, end, name):
            if person.id.startswith(first):  # an existing table may ignore letter case
                yield person.id, self.shown(person)
        query = sa.select(announced.c.reco_id, announced.c.name)
        query = query.where((announced.c.reco_id >= first) & (announced.c.reco_id < end))
        for person_id, its_name in connection.execute(query if name is None else query.where(announced.c.name == name)):
            yield str(person_id), str(its_name)
