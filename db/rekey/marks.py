"""The hashes of used photos: rows are sealed anew, and what is looked up by equality is hashed anew."""

import logging

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code
from db.rekey.progress import Progress, Step
from db.replay_rows import MarkRows
from db.replays import write_anew
from db.schema import REPLAY_TURN, replay_faces, replays, state
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
        try:
            progress.changed += write_anew(connection, number, self._rows)
        except SealBrokenError as error:
            log.warning("mark %d of a used photo: %s", number, error.detail)
            progress.broken += 1
