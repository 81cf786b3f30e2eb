"""The records of enrolments: which files count. What they do not list as added and not removed does not exist."""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code, Outcome
from db.schema import COUNTS, INSTALLATION, VECTORS, VERSION, enrolments, locks, outcomes, state
from db.session import Database, batches, put

_CODES = {int(code): code for code in Code}


@dataclass(frozen=True)
class Enrolment:
    """An enrolment: `images` source crops under `token` in `folder` (relative to DB_PATH)."""

    token: str
    id: str
    folder: str
    upload_id: str
    images: int


@dataclass(frozen=True)
class Changes:
    """What changed up to `version` since an earlier one: enrolments added and still valid, tokens removed.

    `stored` is that of the `Position`.
    """

    version: int
    added: tuple[Enrolment, ...]
    removed: frozenset[str]
    stored: int


@dataclass(frozen=True)
class Position:
    """How far the records are: the last commit's version, and up to when the gallery's store has to be read for it.

    `stored` is in the store's own time; 0 where it has none.
    """

    version: int
    stored: int


_COLUMNS = (
    enrolments.c.token, enrolments.c.reco_id, enrolments.c.folder, enrolments.c.upload_id, enrolments.c.images,
)  # fmt: skip


class EnrolmentRecords:
    """The enrolments table and the version counter, which counts commits in their order."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def version(self) -> int:
        """Return the number of the last commit that changed the gallery."""
        with self._database.reading() as connection:
            return _version(connection)

    def position(self) -> Position:
        """Return the version and what a reader of the gallery's store has to wait for, as of one moment."""
        with self._database.reading() as connection:
            return _position(connection)

    def changes(self, since: int) -> Changes:
        """Return what was committed after version `since`; everything if the counter went back (a new database)."""
        with self._database.reading() as connection:
            position = _position(connection)
            now = position.version
            since = since if since <= now else 0
            added, removed = enrolments.c.added_version, enrolments.c.removed_version
            new = (added > since) & (added <= now) & (removed.is_(None) | (removed > now))
            gone = (removed > since) & (removed <= now)
            query = sa.select(*_COLUMNS).where(new).order_by(added)
            enrolled = tuple(Enrolment(*row) for row in connection.execute(query))
            tokens = frozenset(connection.execute(sa.select(enrolments.c.token).where(gone)).scalars())
        return Changes(now, enrolled, tokens, position.stored)

    def by_upload(self, upload_id: str, connection: Connection | None = None) -> Enrolment | None:
        """Return the enrolment of an upload, removed or not."""
        query = sa.select(*_COLUMNS).where(enrolments.c.upload_id == upload_id)
        with self._database.reading(connection) as used:
            row = used.execute(query).first()
        return Enrolment(*row) if row else None

    def used(self, upload_ids: Iterable[str]) -> set[str]:
        """Return which of the uploads were enrolled."""
        return self._among(enrolments.c.upload_id, upload_ids)

    def known(self, tokens: Sequence[str]) -> set[str]:
        """Return which of the tokens were ever committed."""
        return self._among(enrolments.c.token, tokens)

    def active(self, tokens: Sequence[str]) -> set[str]:
        """Return which of the tokens count."""
        return self._among(enrolments.c.token, tokens, COUNTS)

    def _among(
        self, column: sa.Column[Any], values: Iterable[str], where: sa.ColumnElement[bool] | None = None
    ) -> set[str]:
        query, found = sa.select(column).where(sa.true() if where is None else where), set[str]()
        with self._database.reading() as connection:
            for batch in batches(values):
                found.update(connection.execute(query.where(column.in_(batch))).scalars())
        return found

    def of_people(self, person_ids: Sequence[str]) -> list[Enrolment]:
        """Return these IDs' enrolments that count, each person's oldest first and as of one moment."""
        found: list[Enrolment] = []
        with self._database.reading() as connection:
            for batch in batches(list(dict.fromkeys(person_ids))):
                found += _active(connection, enrolments.c.reco_id.in_(batch))
        return found

    def made(self, connection: Connection, person_id: str) -> list[tuple[Enrolment, int]]:
        """Return the ID's enrolments that count, oldest first, and when each was made, in seconds since 1970."""
        theirs = (enrolments.c.reco_id == person_id) & COUNTS
        query = sa.select(*_COLUMNS, enrolments.c.created).where(theirs).order_by(enrolments.c.added_version)
        return [(Enrolment(*row[:-1]), int(row[-1])) for row in connection.execute(query)]

    def history(self, person_id: str) -> list[tuple[int, int]]:
        """Return when each valid enrolment of an ID was made, in seconds since 1970, and its images; oldest first."""
        with self._database.reading() as connection:
            return [(made, one.images) for one, made in self.made(connection, person_id)]

    def people(self, version: int = 0, people: int = 0) -> tuple[int, int]:
        """Return the current version and how many people are enrolled, counted on from `people` at `version`."""
        with self._database.reading() as connection:
            now = _version(connection)
            if now == version:
                return version, people
            if now < version:  # a new database
                version, people = 0, 0
            added, removed = enrolments.c.added_version, enrolments.c.removed_version
            touched = sa.select(enrolments.c.reco_id).where(
                ((added > version) & (added <= now)) | ((removed > version) & (removed <= now))
            )
            whose = enrolments.c.reco_id
            counted = sa.select(sa.func.count(sa.distinct(whose))).where(whose.in_(touched))
            before, after = (
                int(connection.execute(counted.where((added <= then) & (COUNTS | (removed > then)))).scalar_one())
                for then in (version, now)
            )
        return now, people - before + after

    def installation(self) -> int:
        """Return this database's number, drawn at the first call: it marks what belongs to the database elsewhere."""
        query = sa.select(state.c.value).where(state.c.name == INSTALLATION)
        drawn = sa.insert(state).values(name=INSTALLATION, value=secrets.randbits(62))
        return int(self._database.found_or_made(query, drawn))

    def outcome(self, upload_id: str) -> Outcome | None:
        """Return what the enrolment of an upload was answered; None where nothing is stored."""
        query = sa.select(outcomes.c.code, outcomes.c.results).where(outcomes.c.upload_id == upload_id)
        return outcome_of(self._database.rows(query))

    def set_outcome(self, upload_id: str, outcome: Outcome, connection: Connection | None = None) -> None:
        """Store what the enrolment of an upload is answered, in place of what was stored before."""
        with self._database.writing(within=connection) as used:
            put(used, outcomes, outcome_row(upload_id, outcome))

    def unfinished(self) -> list[Enrolment]:
        """Return removed enrolments whose files may still exist."""
        where = enrolments.c.removed_version.is_not(None) & enrolments.c.files_removed.is_(False)
        return [Enrolment(*row) for row in self._database.rows(sa.select(*_COLUMNS).where(where))]

    def finish(self, tokens: Iterable[str]) -> None:
        """Record that the files of these removed enrolments are gone."""
        if not (gone := list(tokens)):
            return
        with self._database.writing() as connection:
            for batch in batches(gone):
                some = enrolments.c.token.in_(batch)
                connection.execute(sa.update(enrolments).where(some).values(files_removed=True))

    def ever(self, connection: Connection, person_id: str) -> list[Enrolment]:
        """Return all of the ID's enrolments, removed or not."""
        query = sa.select(*_COLUMNS).where(enrolments.c.reco_id == person_id)
        return [Enrolment(*row) for row in connection.execute(query)]

    def others_in(self, connection: Connection, folder: str, person_id: str) -> bool:
        """Whether another ID has an enrolment that counts in this folder."""
        theirs = (enrolments.c.reco_id != person_id) & (enrolments.c.folder == folder)
        return connection.execute(sa.select(enrolments.c.token).where(theirs & COUNTS).limit(1)).first() is not None

    def anonymise(self, connection: Connection, person_id: str, version: int, placeholder: str) -> int:
        """Mark the ID's enrolments as removed and take everything from them but their tokens; return how many."""
        mine = enrolments.c.reco_id == person_id
        counted = mine & COUNTS
        connection.execute(sa.update(enrolments).where(counted).values(removed_version=version))
        nothing = {"reco_id": placeholder, "folder": "", "upload_id": enrolments.c.token, "images": 0}
        return int(connection.execute(sa.update(enrolments).where(mine).values(files_removed=True, **nothing)).rowcount)

    def drop_lock(self, connection: Connection, person_id: str) -> None:
        """Delete the lock row of an ID that is forgotten."""
        connection.execute(sa.delete(locks).where(locks.c.reco_id == person_id))

    # -- inside an enrolment's transaction -----------------------------------------------------------------
    def make_lock(self, person_id: str) -> None:
        """Create the lock row of an ID if it is missing."""
        row = sa.select(locks.c.reco_id).where(locks.c.reco_id == person_id)
        self._database.found_or_made(row, sa.insert(locks).values(reco_id=person_id), Code.INSERT_FAILED)

    def lock(self, connection: Connection, person_id: str) -> bool:
        """Lock the ID's row until the transaction ends: enrolments of one ID run one after the other.

        False if the row is gone, as the ID was forgotten after `make_lock`.
        """
        row = sa.select(locks.c.reco_id).where(locks.c.reco_id == person_id)
        return connection.execute(row.with_for_update()).first() is not None

    def of_person(self, connection: Connection, person_id: str) -> list[Enrolment]:
        """Return the ID's enrolments that count, oldest first."""
        return _active(connection, enrolments.c.reco_id == person_id)

    def next_version(self, connection: Connection, stored: int = 0) -> int:
        """Increment the counter and lock it until the commit, so that versions and commits have one order.

        `stored` is what `GalleryBackend.add` returned for an enrolment: whoever sees the version reads up to then.
        """
        counter, vectors = state.c.name == VERSION, state.c.name == VECTORS
        connection.execute(sa.update(state).where(counter).values(value=state.c.value + 1))
        if stored:
            connection.execute(sa.update(state).where(vectors & (state.c.value < stored)).values(value=stored))
        return _version(connection)

    def add(self, connection: Connection, enrolment: Enrolment, version: int, created: int) -> None:
        """Insert an enrolment; `created` is in seconds since 1970. Its upload can never be enrolled again."""
        row = {
            "token": enrolment.token, "reco_id": enrolment.id, "folder": enrolment.folder,
            "upload_id": enrolment.upload_id, "images": enrolment.images, "added_version": version,
            "files_removed": False, "created": created,
        }  # fmt: skip
        connection.execute(sa.insert(enrolments).values(row))

    def remove(self, connection: Connection, tokens: Sequence[str], version: int) -> None:
        """Mark enrolments as removed: once committed, they do not count."""
        for batch in batches(tokens):
            some = enrolments.c.token.in_(batch)
            connection.execute(sa.update(enrolments).where(some).values(removed_version=version))


def outcome_row(upload_id: str, outcome: Outcome) -> dict[str, Any]:
    """Return how an upload ended as a row holds it."""
    return {"upload_id": upload_id, "code": int(outcome.code), "results": json.dumps(outcome.results)}


def outcome_of(rows: Sequence[sa.Row[Any]]) -> Outcome | None:
    """Return the outcome in the first row, of code and results; None where there is none."""
    return Outcome(_CODES[rows[0].code], json.loads(rows[0].results)) if rows else None


def _version(connection: Connection) -> int:
    return int(connection.execute(sa.select(state.c.value).where(state.c.name == VERSION)).scalar_one())


def _position(connection: Connection) -> Position:
    query = sa.select(state.c.name, state.c.value).where(state.c.name.in_((VERSION, VECTORS)))
    found = {str(name): int(value) for name, value in connection.execute(query)}
    return Position(found[VERSION], found.get(VECTORS, 0))


def _active(connection: Connection, where: sa.ColumnElement[bool]) -> list[Enrolment]:
    query = sa.select(*_COLUMNS).where(where & COUNTS)
    return [Enrolment(*row) for row in connection.execute(query.order_by(enrolments.c.added_version))]
