"""Forgetting a person as a unit of work: one commit takes every row and notes what is left to do on the disk.

From that commit on the person does not exist for any verdict. The note, a row in `faceapp_forgetting`, is deleted last;
until then `finish` can be repeated, by the next call or by maintenance, whatever died in between. Enrolments of the ID
wait for it.
"""

import json
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code, Refusal
from db import files
from db.audit import AuditTrail, known_subject
from db.enrolments import EnrolmentRecords
from db.faces import FaceFolders
from db.gallery.protocol import GalleryBackend
from db.inflight import Abandoned, InflightNotes
from db.installation import PSEUDONYMS, own_key
from db.kept import KeptFiles
from db.people import People, due
from db.schema import forgetting
from db.sent_photos import SentPhotos
from db.session import Database, put
from db.traces import erase, is_announced
from db.uploads import UploadStore
from pipeline.ports import AuditEvent, Forgotten
from pipeline.pseudonym import drop_key
from security.receipts import receipt_name

log = logging.getLogger(__name__)

_MANY = 10
LOCK = ".forgetting.lock"
"""Lock file in DB_PATH of whoever finishes what is noted: what comes under an ID afterwards is somebody else's."""


@dataclass(frozen=True)
class _Plan:
    """What is left to do for an ID: whole `folders` to remove, and files by their `tokens` in `shared` ones."""

    tokens: Sequence[str]
    folders: Sequence[str]
    shared: Sequence[str]
    counts: Mapping[str, int]


@dataclass(eq=False)
class ForgettingUnit:
    """Forgets people. `kept` is DB_PATH; `step` is called after each step with its name, as in `EnrolmentUnit`."""

    database: Database
    people: People
    enrolments: EnrolmentRecords
    gallery: GalleryBackend
    uploads: UploadStore
    kept: KeptFiles
    audit: AuditTrail | None = None
    _: KW_ONLY
    clock: Callable[[], float] = time.time
    step: Callable[[str], None] = lambda _name: None

    def __post_init__(self) -> None:
        self.faces, self.inflight = FaceFolders(self.kept), InflightNotes(self.kept)
        self._receipts: bytes | None = None

    def forget(self, person_id: str) -> Forgotten | None:
        """Remove every trace of an ID; None if there is none.

        Raises `Refusal`: DB_DOWN, VECTORS_DOWN, NO_SPACE, BUSY. After the commit the person is forgotten all the same,
        and maintenance removes the rest.
        """
        return self._forget(person_id, only_without_row=False)

    def finish_all(self) -> int:
        """Finish what a crash or an outage interrupted; return how many people it was."""
        return self._forget_each(self.database.scalars(sa.select(forgetting.c.reco_id)))

    def forget_without_row(self) -> int:
        """Forget those without a row; return how many. Nobody where that is most: SQL_TABLE may be wrong."""
        orphans = self.people.without_row()
        if self._are_most(orphans, "have no row: check SQL_TABLE"):
            return 0
        return self._forget_each(orphans, only_without_row=True)

    def forget_due(self) -> int:
        """Forget those past their retention date; return how many. Nobody where most are: the clock may be wrong."""
        with self.database.reading() as connection:
            over = due(connection, self.clock())
        if self._are_most(over, "are past their retention date: check the clock"):
            return 0
        return self._forget_each(over)

    def _forget_each(self, person_ids: Sequence[str], *, only_without_row: bool = False) -> int:
        """Forget these people; return how many. Raises the first `Refusal` at the end: it keeps nobody else."""
        done, failures = 0, list[Refusal]()
        for person_id in person_ids:
            try:
                done += self._forget(person_id, only_without_row=only_without_row) is not None
            except Refusal as refusal:
                failures.append(refusal)
                if refusal.code is Code.DB_DOWN:
                    break
        if failures:
            raise failures[0]
        return done

    def _are_most(self, person_ids: Sequence[str], why: str) -> bool:
        everybody = self.enrolments.people()[1]
        if len(person_ids) <= _MANY or 2 * len(person_ids) <= everybody:
            return False
        log.warning("%d of %d enrolled people %s. To forget them, use bin/people", len(person_ids), everybody, why)
        return True

    def _forget(self, person_id: str, *, only_without_row: bool) -> Forgotten | None:
        self.enrolments.make_lock(person_id)
        self._receipt_name(person_id)  # draws the key outside of the transaction
        notes = [one for one in self.inflight.abandoned() if one.folder.partition("-")[2] == person_id]
        with self.database.writing(failed=Code.DB_DOWN) as connection:
            if not self.enrolments.lock(connection, person_id):
                raise Refusal(Code.BUSY, "another request has just forgotten the person")
            row = self.people.find_in(connection, person_id, lock=True)
            if row is not None and only_without_row:
                return None
            noted = _noted(connection, person_id)
            plan = noted or self._plan(connection, person_id, row.path if row else None, notes)
            if plan is not None:
                self.step("planned")
                subject = known_subject(connection, person_id)
                counts = Counter(plan.counts)
                counts.update(self._erase(connection, person_id))
                plan = replace(plan, counts=dict(counts))
                todo = json.dumps(asdict(plan))
                put(connection, forgetting, {"reco_id": person_id, "todo": todo, "created": int(self.clock())})
                if noted is None and self.audit is not None:
                    about = {"receipt": self._receipt_name(person_id), "removed": dict(plan.counts)}
                    event = AuditEvent("forget", code=int(Code.DONE), about=about, subject=subject)
                    self.audit.record(event, connection)
                self.step("ready to commit")
            else:
                erase(connection, person_id)
                self.enrolments.drop_lock(connection, person_id)
        return self._finish(person_id, plan, notes) if plan else None

    def _plan(self, connection: Connection, person_id: str, path: str | None, notes: list[Abandoned]) -> _Plan | None:
        enrolled = self.enrolments.ever(connection, person_id)
        folders = [*(one.folder for one in enrolled), *(one.folder for one in notes)]
        listed = {*folders, *([path] if path else [])}
        inside = sorted(folder for folder in listed if self.kept.folders(folder))
        shared = [
            one
            for one in inside
            if any(records.others_in(connection, one, person_id) for records in (self.people, self.enrolments))
        ]
        own = [one for one in inside if one not in shared]
        counts = {**self.faces.count(own), **self.uploads.count(person_id)}
        if not (enrolled or path is not None or notes or any(counts.values()) or is_announced(connection, person_id)):
            return None
        tokens = sorted({*(one.token for one in enrolled), *(one.token for one in notes)})
        return _Plan(tokens, own, shared, counts)

    def _erase(self, connection: Connection, person_id: str) -> dict[str, int]:
        """Delete the rows; what the galleries need to notice the removal stays, without the ID."""
        version = self.enrolments.next_version(connection)
        gone = self.enrolments.anonymise(connection, person_id, version, f"~{secrets.token_hex(16)}")
        return {"rows": self.people.delete(connection, person_id), "enrolments": gone, **erase(connection, person_id)}

    def _finish(self, person_id: str, plan: _Plan, notes: list[Abandoned]) -> Forgotten:
        drop_key(person_id)
        self.step("committed")
        with files.locked(self.kept.root / LOCK, wait=True):
            embeddings = self._remove(person_id, plan, notes) if self._is_noted(person_id) else 0
        self.step("note deleted")
        self.database.scrub()
        log.info("person %s is forgotten", self._receipt_name(person_id))
        return Forgotten({**plan.counts, "embeddings": embeddings}, self.clock())

    def _is_noted(self, person_id: str) -> bool:
        with self.database.reading() as connection:
            return is_being_forgotten(connection, person_id)

    def _remove(self, person_id: str, plan: _Plan, notes: list[Abandoned]) -> int:
        """Remove what is left beside the rows, and the note last; return how many embeddings that were."""
        self.uploads.forget(person_id)
        self.step("uploads removed")
        self._remove_files(person_id, plan)
        self.step("files removed")
        embeddings = self.gallery.purge(plan.tokens)
        for note in notes:
            files.remove(note.note)
        self.step("embeddings removed")
        with self.database.writing(failed=Code.DB_DOWN) as connection:
            erase(connection, person_id)  # of requests that were under way
            connection.execute(sa.delete(forgetting).where(forgetting.c.reco_id == person_id))
            self.enrolments.drop_lock(connection, person_id)
        return embeddings

    def _receipt_name(self, person_id: str) -> str:
        if self._receipts is None:
            self._receipts = own_key(self.database, PSEUDONYMS)
        return receipt_name(self._receipts, person_id)

    def _remove_files(self, person_id: str, plan: _Plan) -> None:
        done = [self.faces.remove(folder, token) for folder in plan.shared for token in plan.tokens]
        done += [self.faces.remove_all(folder) for folder in plan.folders]
        done.append(SentPhotos(self.kept).forget(person_id))
        if not all(done):
            raise Refusal(Code.NO_SPACE, "files of a person who is being forgotten cannot be removed")


def _noted(connection: Connection, person_id: str) -> _Plan | None:
    query = sa.select(forgetting.c.todo).where(forgetting.c.reco_id == person_id)
    found = connection.execute(query).scalar()
    return None if found is None else _Plan(**json.loads(found))


def is_being_forgotten(connection: Connection, person_id: str) -> bool:
    """Whether an ID's files are still being removed, inside the ID's lock."""
    return _noted(connection, person_id) is not None
