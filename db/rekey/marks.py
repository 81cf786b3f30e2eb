"""The hashes of used photos: rows are sealed anew, and what is looked up by equality is hashed anew."""

import logging

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code
from db.rekey.progress import Progress, Step
from db.replay_rows import MarkRows
from db.replays import band_rows
from db.schema import REPLAY_TURN, replay_bands, replay_faces, replays, state
from db.session import Database
from security.sealing import Seal, SealBrokenError

log = logging.getLogger(__name__)

_BATCH = 200


class MarksRekeying:
    """All marks."""

    def __init__(self, database: Database, seal: Seal, step: Step) -> None:
        self._database, self._seal, self._rows, self._step = database, seal, MarkRows(seal), step

    def run(self, progress: Progress) -> None:
        """Write all marks anew. Raises `Refusal(DB_DOWN)`."""
        last = 0
        while numbers := self._next(last):
            last = numbers[-1]
            lacking = self._lacking(numbers)
            if lacking:
                with self._database.writing(failed=Code.DB_DOWN) as connection:
                    turn = sa.update(state).where(state.c.name == REPLAY_TURN).values(value=state.c.value + 1)
                    connection.execute(turn)  # no photo is claimed meanwhile
                    for number in lacking:
                        self._mark(connection, number, progress)
                    self._step("marks written")

    def _next(self, last: int) -> list[int]:
        query = sa.select(replays.c.number).where(replays.c.number > last).order_by(replays.c.number).limit(_BATCH)
        return self._database.scalars(query)

    def _lacking(self, numbers: list[int]) -> list[int]:
        marks = sa.select(replays.c.number, replays.c.hash).where(replays.c.number.in_(numbers))
        faces = sa.select(replay_faces.c.number, replay_faces.c.code).where(replay_faces.c.number.in_(numbers))
        rows = [*self._database.rows(marks), *self._database.rows(faces)]
        return sorted({number for number, blob in rows if not self._seal.is_current(blob)})

    def _mark(self, connection: Connection, number: int, progress: Progress) -> None:
        row = connection.execute(
            sa.select(replays.c.upload_id, replays.c.digest, replays.c.hash).where(replays.c.number == number)
        ).first()
        if row is None:  # its time is over
            return
        of_mark, of_face = replays.c.number == number, replay_faces.c.number == number
        faces = connection.execute(sa.select(replay_faces.c.face, replay_faces.c.code).where(of_face)).all()
        try:
            mark = self._rows.opened(*row)
            codes = {face: self._rows.opened_face(row.upload_id, code) for face, code in faces}
        except SealBrokenError as error:
            log.warning("mark %d of a used photo: %s", number, error.detail)
            progress.broken += 1
            return
        digest, sealed = self._rows.digests(mark.digest)[0], self._rows.sealed_hash(row.upload_id, mark)
        connection.execute(sa.update(replays).where(of_mark).values(digest=digest, hash=sealed))
        connection.execute(sa.delete(replay_bands).where(replay_bands.c.number == number))
        connection.execute(sa.insert(replay_bands), band_rows(number, self._rows.bands(mark.hash)[0]))
        for face, code in codes.items():
            one = of_face & (replay_faces.c.face == face)
            value = self._rows.sealed_face(row.upload_id, code)
            connection.execute(sa.update(replay_faces).where(one).values(code=value))
        progress.changed += 1
