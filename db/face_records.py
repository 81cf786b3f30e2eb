"""The faces of enrolled people, one by one: which there are, their pictures, and which go.

A face's id is its enrolment's token and its number in it. Where a face is taken away or moved, the person's other faces
are written anew, in their order, as enrolments of their own: one commit replaces the earlier ones, as an enrolment with
`in_place` does. The faces keep their ids: `faceapp_face_ids` says under which token each of them is now.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code, Refusal
from db.enrolments import Enrolment, EnrolmentRecords
from db.faces import FaceFolders
from db.forgetting import is_being_forgotten
from db.gallery.protocol import GalleryBackend
from db.inflight import InflightNotes
from db.kept import KeptFiles
from db.people import People
from db.replay_rows import MarkRows
from db.replays import hand_over
from db.schema import COUNTS, enrolments, face_ids
from db.session import CommitLostError, Database
from pipeline.ports import EnrolledFace, FaceGuard
from pipeline.pseudonym import pseudonym
from pipeline.types import Floats

log = logging.getLogger(__name__)

_ID = re.compile(r"([0-9a-f]{32})_([0-9]{2,4})", re.ASCII)
_TRIES = 10


class _ChangedError(Exception):
    """The person's enrolments changed meanwhile."""


@dataclass(frozen=True)
class _New:
    """An enrolment that takes the place of an earlier one, and the faces that it takes over."""

    enrolment: Enrolment
    faces: tuple[EnrolledFace, ...]
    made: int


@dataclass(frozen=True)
class _Change:
    """Which of a person's faces go, to whom if to anybody, and which of the others get another id."""

    person_id: str
    taken: frozenset[str]
    to: str = ""
    guard: FaceGuard | None = None
    new_ids: Mapping[str, str] = field(default_factory=dict)
    also_last: bool = False

    @property
    def people(self) -> list[str]:
        """Whose locks are taken, in the order in which they are."""
        return sorted({self.person_id, self.to} - {""})


@dataclass(eq=False)
class FaceRecords:
    """Reads faces and takes them away. `step` is called after each step with its name, as in `EnrolmentUnit`."""

    database: Database
    people: People
    records: EnrolmentRecords
    gallery: GalleryBackend
    kept: KeptFiles
    clock: Callable[[], float] = time.time
    step: Callable[[str], None] = lambda _name: None

    def __post_init__(self) -> None:
        self.folders, self.inflight = FaceFolders(self.kept), InflightNotes(self.kept)
        self.marks = MarkRows(self.kept.seal)

    # -- reading -------------------------------------------------------------------------------------------
    def of(self, person_id: str) -> list[EnrolledFace]:
        """Return the ID's faces, oldest first. Raises `Refusal(DB_DOWN)`."""
        with self.database.reading() as connection:
            return self._of(connection, person_id)

    def _of(self, connection: Connection, person_id: str) -> list[EnrolledFace]:
        made = self.records.made(connection, person_id)
        tokens = [one.token for one, _ in made]
        query = sa.select(face_ids.c.face_id, face_ids.c.token, face_ids.c.number).where(face_ids.c.token.in_(tokens))
        known = {(token, number): face_id for face_id, token, number in connection.execute(query)}
        return [
            EnrolledFace(
                known.get((one.token, number), f"{one.token}_{number:02}"), one.id, one.token, number, one.folder, when
            )
            for one, when in made
            for number in range(1, one.images + 1)
        ]

    def find(self, face_id: str) -> EnrolledFace | None:
        """Return the face of this id, None where there is none. Raises `Refusal(DB_DOWN)`."""
        with self.database.reading() as connection:
            moved = sa.select(face_ids.c.token).where(face_ids.c.face_id == face_id)
            token = connection.execute(moved).scalar()
            if token is None and (named := _ID.fullmatch(face_id)):
                token = named[1]
            owner = sa.select(enrolments.c.reco_id).where((enrolments.c.token == token) & COUNTS)
            person_id = connection.execute(owner).scalar()
            faces = self._of(connection, person_id) if person_id is not None else []
        return next((face for face in faces if face.id == face_id), None)

    def page(self, start: int, most: int, ids: tuple[str, str] | None = None) -> tuple[int, list[EnrolledFace]]:
        """Return a page of faces; see `pipeline.ports.Faces`."""
        with self.database.reading() as connection:
            counted = COUNTS
            if ids is not None:
                counted &= (enrolments.c.reco_id >= ids[0]) & (enrolments.c.reco_id < ids[1])
            query = sa.select(enrolments.c.reco_id, enrolments.c.token, enrolments.c.images).where(counted)
            places = [
                (person_id, token, number)
                for person_id, token, images in connection.execute(query.order_by(enrolments.c.added_version))
                for number in range(1, images + 1)
            ]
            page = places[start : start + most]
            owners = dict.fromkeys(person_id for person_id, _, _ in page)
            found = {(one.token, one.number): one for owner in owners for one in self._of(connection, owner)}
        return len(places), [found[token, number] for _, token, number in page]

    def picture(self, face: EnrolledFace, augmented: int = 0) -> bytes | None:
        """Return the aligned face, or one of its augmentations, as PNG; None where there is none.

        Raises `SealBrokenError`.
        """
        enrolment = Enrolment(face.token, face.person_id, face.folder, "", 0)
        return self.folders.picture(enrolment, face.number, augmented)

    # -- changing ------------------------------------------------------------------------------------------
    def take(
        self,
        person_id: str,
        taken: Collection[str],
        to: str = "",
        guard: FaceGuard | None = None,
        *,
        also_last: bool = False,
    ) -> None:
        """Take faces away from a person, all or none; with `to`, they become faces of that ID, which is enrolled.

        With `also_last` the person may be left without a face: the caller forgets the ID. `guard` is called inside the
        locks with the faces' embeddings, (n, d) per model, and the other ID's. Refuses with NO_ROW where a face or the
        other ID is not there, VALUE_REFUSED where no face would be left, NO_FOLDER where embeddings are missing, and as
        an enrolment does.
        """
        self._make(_Change(person_id, frozenset(taken), to, guard, also_last=also_last))

    def replace(self, person_id: str, old: str, new: str) -> None:
        """Take the face `old` away; the person's face `new` gets its id. Refuses as `take` does."""
        self._make(_Change(person_id, frozenset([old]), new_ids={new: old}))

    def _make(self, change: _Change) -> None:
        for one in change.people:
            self.records.make_lock(one)
        for _ in range(_TRIES):
            try:
                return self._attempt(change)
            except _ChangedError:
                continue
        raise Refusal(Code.BUSY, "the person changed again and again")

    def _attempt(self, change: _Change) -> None:
        faces = self.of(change.person_id)
        leaving = [face for face in faces if face.id in change.taken]
        if len(leaving) != len(change.taken):
            raise Refusal(Code.NO_ROW, advice="The person has no face with this id.", field="face_id")
        if len(leaving) == len(faces) and not change.also_last:
            advice = "It is the person's only face: forget the person."
            raise Refusal(Code.VALUE_REFUSED, advice=advice, field="face_id")
        rows = self._embeddings(change.person_id, faces)
        new = _plan(change.person_id, [face for face in faces if face.id not in change.taken])
        if change.to:
            row = self.people.find(change.to)
            if row is None:
                raise Refusal(Code.NO_ROW, field="to")
            new.append(_new(change.to, row.path, leaving, int(self.clock())))
        old = list(dict.fromkeys((face.token, face.folder) for face in faces))
        with ExitStack() as notes:
            for one in new:
                notes.enter_context(self.inflight.note(one.enrolment.token, one.enrolment.folder))
            self._commit(change, faces, new, rows)
            self._tidy(old)

    def _commit(
        self,
        change: _Change,
        faces: Sequence[EnrolledFace],
        new: Sequence[_New],
        rows: Mapping[str, Mapping[str, Floats]],
    ) -> None:
        with ExitStack() as undo:
            undo.callback(self._discard, new)
            until = 0
            for one in new:
                sources = [(face.folder, face.token, face.number) for face in one.faces]
                self.folders.copy(one.enrolment.folder, one.enrolment.token, sources)
                until = self.gallery.add(one.enrolment, _stacked(rows, one.faces))
            self.step("files written")
            try:
                with self.database.writing() as connection:
                    self._lock(connection, change.people)
                    if self._of(connection, change.person_id) != list(faces):
                        raise _ChangedError
                    if change.to and change.guard:
                        change.guard(_stacked(rows, new[-1].faces), self.gallery.snapshot().person(change.to))
                    self._replace(connection, change, new, until)
                    self.step("ready to commit")
            except CommitLostError:
                undo.pop_all()  # it may be committed: only files that the database does not list are ever removed
                raise
            undo.pop_all()
        self.step("committed")

    def _lock(self, connection: Connection, person_ids: Sequence[str]) -> None:
        for one in person_ids:
            if not self.records.lock(connection, one) or is_being_forgotten(connection, one):
                raise Refusal(Code.BUSY, "the person is being forgotten")

    def _replace(self, connection: Connection, change: _Change, new: Sequence[_New], until: int) -> None:
        uploads = {one.token: one.upload_id for one in self.records.of_person(connection, change.person_id)}
        self.records.remove(connection, list(uploads), self.records.next_version(connection, until))
        connection.execute(sa.delete(face_ids).where(face_ids.c.token.in_(list(uploads))))
        for one in new:
            self.records.add(connection, one.enrolment, self.records.next_version(connection), one.made)
            ids = [
                {"face_id": change.new_ids.get(face.id, face.id), "token": one.enrolment.token, "number": number}
                for number, face in enumerate(one.faces, start=1)
            ]
            connection.execute(sa.insert(face_ids), ids)
            for token in {face.token for face in one.faces} & set(uploads):  # who stays has them before who is moved
                hand_over(connection, uploads.pop(token), one.enrolment.upload_id, self.marks)

    def _embeddings(self, person_id: str, faces: Sequence[EnrolledFace]) -> dict[str, dict[str, Floats]]:
        """Return each face's embeddings, (d,) per model, by the face's id."""
        found: Mapping[str, Floats] | None = self.gallery.snapshot().person(person_id) if faces else {}
        if found is None or any(len(rows) != len(faces) for rows in found.values()):
            raise Refusal(Code.NO_FOLDER, f"embeddings of {pseudonym(person_id)} are missing")
        return {face.id: {model: rows[at] for model, rows in found.items()} for at, face in enumerate(faces)}

    def _discard(self, new: Sequence[_New]) -> None:
        for one in new:
            self.folders.remove(one.enrolment.folder, one.enrolment.token)
        try:
            self.gallery.remove([one.enrolment.token for one in new])
        except Refusal as refusal:  # what remains does not count; the caller is told why nothing changed
            log.warning("embeddings of an abandoned change remain: %s", refusal.detail)

    def _tidy(self, old: Sequence[tuple[str, str]]) -> None:
        try:
            gone = [token for token, folder in old if self.folders.remove(folder, token)]
            self.gallery.purge([token for token, _ in old])
            self.records.finish(gone)
        except Refusal as refusal:  # the change is committed: `recover` finishes
            log.warning("faces are taken away, old files remain: %s", refusal.detail)
        self.step("old files removed")


def _plan(person_id: str, staying: Sequence[EnrolledFace]) -> list[_New]:
    """Return what takes the place of the person's enrolments, in their order."""
    groups: dict[str, list[EnrolledFace]] = {}
    for face in staying:
        groups.setdefault(face.token, []).append(face)
    return [_new(person_id, faces[0].folder, faces, faces[0].made) for faces in groups.values()]


def _new(person_id: str, folder: str, faces: Sequence[EnrolledFace], made: int) -> _New:
    token = secrets.token_hex(16)
    return _New(Enrolment(token, person_id, folder, f"{person_id}-{token}", len(faces)), tuple(faces), made)


def _stacked(rows: Mapping[str, Mapping[str, Floats]], faces: Sequence[EnrolledFace]) -> dict[str, Floats]:
    models = rows[faces[0].id]
    return {model: np.stack([rows[face.id][model] for face in faces]) for model in models}
