"""The rows of the people table, the names of these people as they were given, and the terms of their enrolment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import quoted_name

from codes_dict import Code, Refusal
from db.kept import KeptFiles
from db.same_people import SamePeople, forget_links
from db.schema import COUNTS, PeopleNames, announced, enrolments, given_names, people_words, terms
from db.session import Database, put
from pipeline.ports import Terms
from pipeline.types import Person

_whose = given_names.c.reco_id


@dataclass(frozen=True)
class _Row:
    person: Person
    is_it: sa.ColumnElement[bool]
    """Says so of the row itself, by its primary key."""


class People:
    """The people table, with the names that the settings give to it and its columns. `kept` is DB_PATH."""

    def __init__(self, database: Database, columns: PeopleNames, kept: KeptFiles) -> None:
        self._database, self._columns, self._kept = database, columns, kept
        self._table = people_words(columns)
        self._id, self._name, self._path = self._table.columns

    def find(self, person_id: str) -> Person | None:
        """Return the row whose ID is exactly this, byte for byte."""
        with self._database.reading() as connection:
            return self.find_in(connection, person_id)

    def find_in(self, connection: Connection, person_id: str, *, lock: bool = False) -> Person | None:
        """Do the same inside a transaction; with `lock`, the row is locked until its end."""
        row, given = self._row(connection, person_id, lock), _given_names(connection, _whose == person_id)
        return _named(row.person, given) if row else None  # asked for both: an unknown ID takes as long

    def all(self) -> list[Person]:
        """Return every row, by primary key."""
        with self._database.reading() as connection:
            return sorted(self._people(connection, self._select(), sa.true()), key=lambda person: person.key)

    def search(self, text: str, most: int, after: str = "") -> list[Person]:
        """Return rows whose ID or name contains this text, by ID, at most so many; everybody for no text.

        `after` is an ID: only those that come after it count.
        """
        theirs = self._id.contains(text, autoescape=True) | self._name.contains(stored_name(text), autoescape=True)
        query = self._select().where(theirs & (self._id > after)).order_by(self._id).limit(most)
        with self._database.reading() as connection:
            return self._people(connection, query)

    def page(self, start: int, most: int) -> tuple[int, list[Person]]:
        """Return how many rows there are, and up to `most` of them from number `start`, by ID."""
        with self._database.reading() as connection:
            count = int(connection.execute(sa.select(sa.func.count()).select_from(self._table)).scalar_one())
            return count, self._people(connection, self._select().order_by(self._id).offset(start).limit(most))

    def between(self, connection: Connection, first: str, end: str, name: str | None = None) -> list[Person]:
        """Return the rows of IDs from `first` up to `end`, which is not among them; with `name`, of that name alone."""
        query = self._select().where((self._id >= first) & (self._id < end))
        if name is None:
            return self._people(connection, query, (_whose >= first) & (_whose < end))
        return self._people(connection, query.where(self._name == stored_name(name)))

    def _people(
        self, connection: Connection, query: sa.Select[Any], given: sa.ColumnExpressionArgument[bool] | None = None
    ) -> list[Person]:
        """Return the rows of a query with their given names, which are among those that fit `given`."""
        found = [_read(row) for row in connection.execute(query)]
        names = _given_names(connection, _whose.in_([person.id for person in found]) if given is None else given)
        return [_named(person, names) for person in found]

    def rename(self, person_id: str, name: str) -> Person | None:
        """Give an ID's row another name, and no other path; None where there is no row. Raises `Refusal(DB_DOWN)`."""
        with self._database.writing() as connection:
            row = self.find_in(connection, person_id, lock=True)
            return self.update(connection, person_id, name, row.path) if row else None

    def insert(self, connection: Connection, person_id: str, name: str, path: str) -> Person:
        """Insert a row and return it with its primary key. `name` is the name as it was given."""
        values = {self._id.name: person_id, self._name.name: stored_name(name), self._path.name: path}
        self._check_widths(connection, values)
        connection.execute(sa.insert(self._table).values(values))
        forget_links(connection, person_id)  # they were those of a person whose row somebody has deleted
        _delete_found(connection, terms.c.reco_id, person_id)  # so were these
        _delete_found(connection, announced.c.reco_id, person_id)  # now there is a face
        row = self._row(connection, person_id, lock=False)
        if row is None:
            raise Refusal(Code.INSERT_FAILED, "the row was inserted, but the table does not return it")
        return _store_given_name(connection, row.person, name)

    def update(self, connection: Connection, person_id: str, name: str, path: str) -> Person:
        """Give the row another name and path; the primary key stays."""
        values = {self._name.name: stored_name(name), self._path.name: path}
        self._check_widths(connection, values)
        row = self._row(connection, person_id, lock=True)
        if row is None:
            raise Refusal(Code.INSERT_FAILED, "the row is gone")
        connection.execute(sa.update(self._table).where(row.is_it).values(values))
        return _store_given_name(connection, Person(row.person.key, person_id, stored_name(name), path), name)

    def delete(self, connection: Connection, person_id: str) -> int:
        """Delete the ID's row; return how many rows that were."""
        row = self._row(connection, person_id, lock=True)
        if row is None:
            return 0
        return int(connection.execute(sa.delete(self._table).where(row.is_it)).rowcount)

    def others_in(self, connection: Connection, folder: str, person_id: str) -> bool:
        """Whether another ID's row names this folder, or one inside it."""
        theirs = (self._id != person_id) & (
            (self._path == folder) | self._path.startswith(f"{folder}/", autoescape=True)
        )
        return connection.execute(sa.select(self._id).where(theirs).limit(1)).first() is not None

    def without_row(self) -> list[str]:
        """Return the IDs that are enrolled but have no row: somebody has deleted it from the table."""
        row = sa.select(self._id).where(self._id == enrolments.c.reco_id).exists()
        query = sa.select(enrolments.c.reco_id).distinct().where(COUNTS & ~row)
        return sorted(self._database.scalars(query))

    def same_as(self, person_id: str) -> frozenset[str]:
        """Return the IDs that an admin has declared to be the same person. Raises `Refusal(DB_DOWN)`."""
        return SamePeople(self._database).of(person_id)

    def terms(self, person_id: str) -> Terms | None:
        """Return the terms under which somebody is enrolled; None where none were sent. Raises `Refusal(DB_DOWN)`."""
        with self._database.reading() as connection:
            return terms_of(connection, person_id)

    def folder_exists(self, person: Person) -> bool:
        """Whether the row's path is a folder inside DB_PATH, under its own name or the one that stands for it."""
        return any(place.is_dir() for place in self._kept.folders(person.path))

    def _select(self) -> sa.Select[Any]:
        # The star gives the primary key by position, whatever its name is. The named columns are qualified, so that one
        # that does not exist is an error, not a string literal as in SQLite.
        return sa.select(sa.literal_column("*"), self._id, self._name, self._path).select_from(self._table)

    def _row(self, connection: Connection, person_id: str, lock: bool) -> _Row | None:
        query = self._select().where(self._id == person_id)
        found = connection.execute(query.with_for_update() if lock else query)
        key: sa.ColumnClause[Any] = sa.column(quoted_name(next(iter(found.keys())), quote=True))
        # An existing table may ignore letter case or trailing spaces: its index narrows down, bytes decide.
        people = [_read(row) for row in found if row[-3] == person_id]
        return _Row(people[0], key == people[0].key) if people else None

    def _check_widths(self, connection: Connection, texts: dict[str, str]) -> None:
        widths = {
            str(column["name"]).lower(): getattr(column["type"], "length", None)
            for column in sa.inspect(connection).get_columns(self._columns.table)
        }
        for column, text in texts.items():
            width = widths.get(str.lower(column))  # a quoted name's own lower() does nothing
            if width is not None and len(text) > width:
                raise Refusal(
                    Code.INSERT_FAILED,
                    f"column {column} of table {self._columns.table} is VARCHAR({width}), too narrow for "
                    f"{len(text)} characters: widen it (ID 64, name 200, path 500)",
                )


def _delete_found(connection: Connection, column: sa.Column[str], person_id: str) -> None:
    """Delete an ID's row; where there is none nothing is deleted, so that an enrolment needs no right to."""
    if connection.execute(sa.select(column).where(column == person_id)).first() is not None:
        connection.execute(sa.delete(column.table).where(column == person_id))


def _store_given_name(connection: Connection, person: Person, name: str) -> Person:
    put(connection, given_names, {"reco_id": person.id, "given_name": name})
    return replace(person, given_name=name)


def _given_names(connection: Connection, where: sa.ColumnExpressionArgument[bool]) -> dict[str, str]:
    """Return names as they were given, by ID."""
    query = sa.select(_whose, given_names.c.given_name).where(where)
    return {str(one): str(name) for one, name in connection.execute(query)}


def _named(person: Person, given: Mapping[str, str]) -> Person:
    """Add the given name, unless the row has got another name since, in the table itself."""
    name = given.get(person.id, "")
    return replace(person, given_name=name) if stored_name(name) == person.name else person


def stored_name(name: str) -> str:
    """Return a name as the row holds it: lower-case, `_` for spaces."""
    return name.lower().replace(" ", "_")


def _read(row: Sequence[Any]) -> Person:
    return Person(int(row[0]), str(row[-3]), str(row[-2] or ""), str(row[-1] or ""))


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
