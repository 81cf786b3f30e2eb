"""One enrolment as a unit of work: files first, under names that nobody reads yet; the commit makes them count."""

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import KW_ONLY, dataclass

import numpy as np
from sqlalchemy.engine import Connection

from codes_dict import Code, Outcome, Refusal
from db.audit import AuditTrail
from db.enrolments import Enrolment, EnrolmentRecords
from db.faces import FaceFolders, Written, slug
from db.forgetting import is_being_forgotten
from db.gallery.protocol import GalleryBackend
from db.inflight import InflightNotes
from db.kept import KeptFiles
from db.people import People, keep_terms
from db.replay_rows import MarkRows
from db.replays import remember
from db.session import CommitLostError, Database
from db.uploads import UploadStore
from pipeline.ports import Enrolled, EnrolmentRequest, Guard, NewFace
from pipeline.pseudonym import pseudonym, upload_pseudonym
from pipeline.types import EnrolledFaces, Person

log = logging.getLogger(__name__)

_TRIES = 10


class _MovedError(Exception):
    """The row changed while the files were written: they are in the wrong folder."""


@dataclass(frozen=True)
class _Prepared:
    enrolled: Enrolled
    replaced: tuple[Enrolment, ...]
    old_folder: str
    """The folder whose other files go as well; empty where there is none, or others use it."""


@dataclass(eq=False)
class EnrolmentUnit:
    """Enrols people. `kept` is DB_PATH; `token` draws 32 hex digits; `clock` is in seconds since 1970.

    `step` is called after each step with its name; a test that raises or dies in it sees what a crash there leaves.
    """

    database: Database
    people: People
    enrolments: EnrolmentRecords
    gallery: GalleryBackend
    uploads: UploadStore
    kept: KeptFiles
    audit: AuditTrail | None = None
    _: KW_ONLY
    token: Callable[[], str] = lambda: secrets.token_hex(16)
    clock: Callable[[], float] = time.time
    step: Callable[[str], None] = lambda _name: None

    def __post_init__(self) -> None:
        self.faces, self.inflight = FaceFolders(self.kept), InflightNotes(self.kept)
        self.marks = MarkRows(self.kept.seal)

    def enrol(self, request: EnrolmentRequest, guard: Guard | None = None) -> Enrolled:
        """Enrol a person completely or not at all.

        `guard` is called while the ID is locked, before anything is inserted, with the ID's row and embeddings (or
        None); whatever it raises ends the enrolment. Raises `Refusal`: UPLOAD_GONE (the upload is already enrolled),
        NO_FOLDER (the row's path is outside DB_PATH), NO_SPACE, INSERT_FAILED, DB_DOWN. After all but UPLOAD_GONE the
        upload can still be used.
        """
        if not request.faces:
            raise ValueError("an enrolment needs a face")
        if self.enrolments.by_upload(request.upload.upload_id) is not None:
            self.uploads.mark_used(request.upload.upload_id)
            raise Refusal(Code.UPLOAD_GONE, "the upload is already enrolled; its folder is renamed now")
        for _ in range(_TRIES):
            self.enrolments.make_lock(request.id)
            try:
                return self._attempt(request, guard)
            except _MovedError:
                log.info("the row of %s changed during the enrolment: trying again", pseudonym(request.id))
        raise Refusal(Code.DB_DOWN, f"the row of {pseudonym(request.id)} keeps changing")

    def keep_outcome(self, upload_id: str, outcome: Outcome) -> None:
        """Replace the outcome that is stored for an enrolled upload; failures are logged and ignored."""
        try:
            self.enrolments.set_outcome(upload_id, outcome)
        except Refusal as refusal:
            log.warning("the outcome of upload %s was not stored: %s", upload_pseudonym(upload_id), refusal.detail)

    def earlier(self, upload_id: str) -> Outcome | None:
        """Return the outcome of the enrolment that used this upload, if one is stored. Raises `Refusal(DB_DOWN)`."""
        return self.enrolments.outcome(upload_id)

    def _attempt(self, request: EnrolmentRequest, guard: Guard | None) -> Enrolled:
        token, folder = self.token(), self._target(self.people.find(request.id), request)
        ours = Enrolment(token, request.id, folder, request.upload.upload_id, len(request.faces))
        with self.inflight.note(token, folder):
            done = self._commit(ours, request, guard)
            self._tidy(done, ours, request)
        return done.enrolled

    def _commit(self, ours: Enrolment, request: EnrolmentRequest, guard: Guard | None) -> _Prepared:
        with ExitStack() as undo:
            undo.callback(self._discard, ours)
            pictures, until = self._write(ours, request.faces)
            try:
                with self.database.writing() as connection:
                    done = self._prepare(connection, ours, pictures, until, request, guard)
            except CommitLostError:
                undo.pop_all()  # it may be committed: only files that the database does not list are ever removed
                if not self._is_committed(ours):
                    raise
            undo.pop_all()
        return done

    def _is_committed(self, ours: Enrolment) -> bool:
        try:
            return bool(self.enrolments.known([ours.token]))
        except Refusal:  # still down: the caller is told of the lost commit, `recover` does the rest
            return False

    def _target(self, row: Person | None, request: EnrolmentRequest) -> str:
        if row is None or request.in_place:
            return f"{slug(request.name)}-{request.id}"
        if not self.kept.folders(row.path):
            raise Refusal(Code.NO_FOLDER, f"the path in the row of {pseudonym(request.id)} is outside DB_PATH")
        return row.path

    def _write(self, ours: Enrolment, faces: Sequence[NewFace]) -> tuple[Written, int]:
        """Store what does not count yet; return the pictures, and up to when the gallery has to be read to see it."""
        written = self.faces.write(ours.folder, ours.token, faces)
        self.step("files written")
        models = faces[0].embeddings
        rows = {model: np.stack([face.embeddings[model] for face in faces]) for model in models}
        until = self.gallery.add(ours, rows)
        self.step("segments written")
        return written, until

    def _prepare(
        self,
        connection: Connection,
        ours: Enrolment,
        pictures: Written,
        until: int,
        request: EnrolmentRequest,
        guard: Guard | None,
    ) -> _Prepared:
        if not self.enrolments.lock(connection, request.id):
            raise _MovedError
        if is_being_forgotten(connection, request.id):
            raise Refusal(Code.BUSY, "the person is being forgotten")
        self.uploads.open(ours.upload_id)  # it may have ended meanwhile, or its person was forgotten
        before = self.people.find_in(connection, request.id, lock=True)
        if self._target(before, request) != ours.folder:
            raise _MovedError
        if self.enrolments.by_upload(ours.upload_id, connection) is not None:
            raise Refusal(Code.UPLOAD_GONE, "another request has enrolled the upload")
        if guard is not None:
            guard(before, self._enrolled(connection, request) if before else None)
        self.step("guarded")
        person = self._save_row(connection, before, request, ours.folder)
        self.step("row saved")
        # Enrolments of an ID without a row belong to a person whose row somebody has deleted.
        replaces = request.in_place or before is None
        replaced = self.enrolments.of_person(connection, request.id) if replaces else []
        version = self.enrolments.next_version(connection, until)
        self.enrolments.remove(connection, [one.token for one in replaced], version)
        self.enrolments.add(connection, ours, version, int(self.clock()))
        remember(connection, ours.upload_id, request.marks, int(self.clock()), self.marks)
        if request.terms is not None:
            keep_terms(connection, request.id, request.terms, int(self.clock()))
        enrolled = Enrolled(person, before is not None, pictures.main, pictures.augmented)
        self._note(connection, request, enrolled)
        old_folder = before.path if before and request.in_place and not self._is_shared(connection, before) else ""
        self.step("ready to commit")
        return _Prepared(enrolled, tuple(replaced), old_folder)

    def _is_shared(self, connection: Connection, row: Person) -> bool:
        """Whether other people's files are in the folder of this row."""
        return any(records.others_in(connection, row.path, row.id) for records in (self.people, self.enrolments))

    def _enrolled(self, connection: Connection, request: EnrolmentRequest) -> EnrolledFaces | None:
        """Return what new faces are compared with, None where no face is enrolled.

        Refuses with NO_FOLDER where it cannot be read, and would then be added to without a look: `in_place` alone
        takes its place.
        """
        enrolled = self.gallery.snapshot().person(request.id)
        if enrolled is None and not request.in_place and self.enrolments.of_person(connection, request.id):
            raise Refusal(Code.NO_FOLDER, f"the enrolled faces of {pseudonym(request.id)} cannot be read")
        return enrolled

    def _note(self, connection: Connection, request: EnrolmentRequest, enrolled: Enrolled) -> None:
        """Store how the enrolment ends, for whoever asks again and for the audit."""
        if request.outcome is None:
            return
        outcome = request.outcome(enrolled)
        self.enrolments.set_outcome(request.upload.upload_id, outcome, connection)
        if request.event is not None and self.audit is not None:
            self.audit.record(request.event(outcome), connection)

    def _save_row(
        self, connection: Connection, before: Person | None, request: EnrolmentRequest, folder: str
    ) -> Person:
        if before is None:
            return self.people.insert(connection, request.id, request.name, folder)
        if request.in_place:
            return self.people.update(connection, request.id, request.name, folder)
        return before

    def _discard(self, ours: Enrolment) -> None:
        self.faces.remove(ours.folder, ours.token)
        try:
            self.gallery.remove([ours.token])
        except Refusal as refusal:  # what remains does not count; the caller is told why the enrolment failed
            log.warning("rows of the failed enrolment %s remain: %s", ours.token, refusal.detail)

    def _tidy(self, done: _Prepared, ours: Enrolment, request: EnrolmentRequest) -> None:
        self.step("committed")
        try:
            gone = [one.token for one in done.replaced if self.faces.remove(one.folder, one.token)]
            self.gallery.remove([one.token for one in done.replaced])
            if done.old_folder:
                self.faces.remove_foreign(done.old_folder)
            self.step("replaced files removed")
            self.enrolments.finish(gone)
            self.step("cleaned")
            self.uploads.mark_used(request.upload.upload_id)
        except Refusal as refusal:  # the person is enrolled: `recover` finishes
            log.warning("enrolment of %s is committed, old files remain: %s", pseudonym(ours.id), refusal.detail)
        self.step("upload renamed")
