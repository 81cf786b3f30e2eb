"""Photos that were used before: of each a SHA-256 and a perceptual hash, for a retention period, and nothing else.

The first upload that uses a photo owns it: each claim is one transaction, and claims run one after the other across
processes. The hash is cut into 16 bands, each of which is indexed. Two hashes that differ in at most 15 bits agree in
at least one band, so the search misses none of them and reads hardly any others.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from codes_dict import Code
from db.replay_rows import BANDS, MarkRows
from db.schema import COUNTS, REPLAY_TURN, enrolments, replay_bands, replay_faces, replays, state
from db.session import Database
from pipeline.ports import PhotoMark
from security.sealing import UNSEALED, Seal, SealBrokenError

_DAY_S, _SWEEP_EVERY_S, _BATCH = 86_400, 3_600, 500


class Replays:
    """The marks of used photos.

    `within` is the number of bits, under 16, in which the hashes of one photo may differ, `faces_within` that of the
    codes of one photo's face; a mark counts, and is stored, for `retention_days`. Marks of enrolled photos count as
    long as the enrolment does.
    """

    def __init__(
        self,
        database: Database,
        within: int,
        faces_within: int,
        retention_days: int,
        clock: Callable[[], float] = time.time,
        seal: Seal = UNSEALED,
    ) -> None:
        if not 0 <= within < BANDS:
            raise ValueError(f"a search in {BANDS} bands finds differences of 0 to {BANDS - 1} bits")
        self._database, self._within, self._clock = database, within, clock
        self._faces_within, self._rows = faces_within, MarkRows(seal)
        self._retention_s = retention_days * _DAY_S
        self._swept = 0.0

    def claim(self, upload_id: str, marks: Sequence[PhotoMark]) -> list[bool]:
        """Return for each photo whether another upload used it before; the others become this upload's.

        Photos of one upload are never replays of each other. Raises `Refusal(DB_DOWN)`. The claim is durable with the
        verdict, whose commit follows: without a verdict a claim may be lost.
        """
        self._sweep()
        with self._database.writing(failed=Code.DB_DOWN, synced=False) as connection:
            turn = sa.update(state).where(state.c.name == REPLAY_TURN).values(value=state.c.value + 1)
            connection.execute(turn)  # the row stays locked until the commit: claims run one after the other
            own = _own(connection, upload_id)
            new = [mark for mark in marks if own.isdisjoint(self._rows.digests(mark.digest))]
            codes = self._codes(connection, upload_id) if new else []
            copies = {mark for mark in new if self._used(connection, upload_id, mark) or self._is_near(mark, codes)}
            used = [mark in copies for mark in marks]
            new = [mark for mark, is_used in zip(marks, used, strict=True) if not is_used]
            remember(connection, upload_id, new, int(self._clock()), self._rows)
        return used

    def forget(self) -> int:
        """Delete marks older than the retention period; return how many. Raises `Refusal(DB_DOWN)`."""
        forgotten = 0
        while True:
            with self._database.writing(failed=Code.DB_DOWN) as connection:
                query = sa.select(replays.c.number).where(~_counts(self._oldest())).limit(_BATCH)
                gone = connection.execute(query).scalars().all()
                for table in (replay_bands, replay_faces):
                    connection.execute(sa.delete(table).where(table.c.number.in_(gone)))
                connection.execute(sa.delete(replays).where(replays.c.number.in_(gone)))
            forgotten += len(gone)
            if len(gone) < _BATCH:
                return forgotten

    def _used(self, connection: Connection, upload_id: str, mark: PhotoMark) -> bool:
        others = (replays.c.upload_id != upload_id) & _counts(self._oldest())
        is_same = replays.c.digest.in_(self._rows.digests(mark.digest))
        same = sa.select(replays.c.number).where(others & is_same).limit(1)
        if connection.execute(same).first() is not None:
            return True
        shared = sa.or_(
            *(
                (replay_bands.c.band == band) & (replay_bands.c.bits == bits)
                for form in self._rows.bands(mark.hash)
                for band, bits in enumerate(form)
            )
        )
        near = sa.select(replays.c.upload_id, replays.c.digest, replays.c.hash).where(
            others & replays.c.number.in_(sa.select(replay_bands.c.number).where(shared))
        )
        own = int.from_bytes(mark.hash, "big")
        found = (self._rows.opened(*row).hash for row in connection.execute(near))
        return any((int.from_bytes(its, "big") ^ own).bit_count() <= self._within for its in found)

    def _codes(self, connection: Connection, upload_id: str) -> list[bytes]:
        """Return the codes of the faces that other uploads for the same ID used: a copy serves nobody else.

        The range holds the uploads of IDs that begin with this one and a hyphen as well, which does no harm.
        """
        prefix = upload_id.rpartition("-")[0]
        same_id = (replays.c.upload_id >= f"{prefix}-") & (replays.c.upload_id < f"{prefix}.")
        others = same_id & (replays.c.upload_id != upload_id) & _counts(self._oldest())
        query = sa.select(replays.c.upload_id, replay_faces.c.code)
        query = query.join(replays, replays.c.number == replay_faces.c.number).where(others)
        return [self._rows.opened_face(*row) for row in connection.execute(query)]

    def _is_near(self, mark: PhotoMark, codes: Sequence[bytes]) -> bool:
        """Tell whether one of the mark's faces is a copy of one of these faces."""
        if not codes or not mark.views:
            return False
        known, asked = (np.frombuffer(b"".join(ones), np.uint8).reshape(len(ones), -1) for ones in (codes, mark.views))
        return any(bool((np.bitwise_count(known ^ one).sum(axis=1) <= self._faces_within).any()) for one in asked)

    def _oldest(self) -> int:
        return int(self._clock()) - self._retention_s

    def _sweep(self) -> None:
        if abs(self._clock() - self._swept) >= _SWEEP_EVERY_S:
            self._swept = self._clock()
            self.forget()


def remember(
    connection: Connection, upload_id: str, marks: Sequence[PhotoMark], now: int, rows: MarkRows | None = None
) -> None:
    """Store marks of an upload inside a transaction, each once; `now` is in seconds since 1970."""
    rows, known = rows or MarkRows(), _own(connection, upload_id)
    for mark in {mark.digest: mark for mark in marks if known.isdisjoint(rows.digests(mark.digest))}.values():
        digest, sealed = rows.digests(mark.digest)[0], rows.sealed_hash(upload_id, mark)
        row = {"upload_id": upload_id, "digest": digest, "hash": sealed, "created": now}
        number = connection.execute(sa.insert(replays).values(row)).lastrowid
        connection.execute(sa.insert(replay_bands), _band_rows(number, rows.bands(mark.hash)[0]))
        if mark.faces:
            codes = [rows.sealed_face(upload_id, code) for code in mark.faces]
            faces = [{"number": number, "face": at, "code": code} for at, code in enumerate(codes)]
            connection.execute(sa.insert(replay_faces), faces)


def hand_over(connection: Connection, upload_id: str, to: str, rows: MarkRows) -> None:
    """Make an upload's marks another's inside a transaction, but those that it has already and those that do not open.

    Marks count as long as their upload's enrolment does, and go with its person.
    """
    query = sa.select(replays.c.number, replays.c.digest).where(replays.c.upload_id == upload_id)
    has_already = _own(connection, to)
    for number, digest in connection.execute(query).all():
        if digest not in has_already:
            with suppress(SealBrokenError):
                write_anew(connection, number, rows, to)


def write_anew(connection: Connection, number: int, rows: MarkRows, to: str = "") -> bool:
    """Write a mark as it is sealed now, with `to` as that upload's, inside a transaction; False where it is gone.

    Raises `SealBrokenError`; nothing is changed then.
    """
    of_mark, of_face = replays.c.number == number, replay_faces.c.number == number
    row = connection.execute(sa.select(replays.c.upload_id, replays.c.digest, replays.c.hash).where(of_mark)).first()
    if row is None:
        return False
    mark, upload_id = rows.opened(*row), to or row.upload_id
    faces = connection.execute(sa.select(replay_faces.c.face, replay_faces.c.code).where(of_face)).all()
    codes = {face: rows.opened_face(row.upload_id, code) for face, code in faces}
    changed = {"upload_id": upload_id, "digest": rows.digests(mark.digest)[0]}
    connection.execute(sa.update(replays).where(of_mark).values(hash=rows.sealed_hash(upload_id, mark), **changed))
    connection.execute(sa.delete(replay_bands).where(replay_bands.c.number == number))
    connection.execute(sa.insert(replay_bands), _band_rows(number, rows.bands(mark.hash)[0]))
    for face, code in codes.items():
        one = of_face & (replay_faces.c.face == face)
        connection.execute(sa.update(replay_faces).where(one).values(code=rows.sealed_face(upload_id, code)))
    return True


def _band_rows(number: int, bands: Sequence[int]) -> list[dict[str, int]]:
    """Return the rows of a mark's bands."""
    return [{"band": band, "bits": bits, "number": number} for band, bits in enumerate(bands)]


def _own(connection: Connection, upload_id: str) -> set[str]:
    return set(connection.execute(sa.select(replays.c.digest).where(replays.c.upload_id == upload_id)).scalars())


def _counts(oldest: int) -> sa.ColumnElement[bool]:
    """Whether a mark counts: it is young enough, or its upload's enrolment counts."""
    enrolled = sa.select(enrolments.c.token).where((enrolments.c.upload_id == replays.c.upload_id) & COUNTS)
    return (replays.c.created >= oldest) | enrolled.exists()
