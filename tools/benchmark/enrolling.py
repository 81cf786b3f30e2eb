"""A gallery of as many people as wanted, filled at one go, and then enrolled into as the product does."""

import secrets
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from db.gallery.pickles import Key, PickleStore
from db.schema import VERSION, enrolments, state
from tools.chaos.store import Records
from tools.cli.options import batches

MODEL = "Dlib"
_KEY = Key(MODEL, "0" * 16, 128)
_BATCH = 10_000


class Office(Records):
    """Enrols people into one gallery."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, MODEL, _KEY.size, side=200, copies=4)
        self._count = 0

    def enrol_one(self) -> None:
        """Enrol one person with one photo, and look whether a search would see them."""
        self._count += 1
        self.enrol(f"NEW-{self._count}")
        if f"NEW-{self._count}" not in self.gallery.snapshot().ids:
            raise RuntimeError("the person is not in the gallery")


def filled(folder: Path, people: int) -> Office:
    """Return an office whose gallery holds so many people, and has been read once."""
    office = Office(folder)
    tokens = [secrets.token_hex(16) for _ in range(people)]
    with office.database.writing() as connection:
        for numbers in batches(range(people), _BATCH):
            connection.execute(sa.insert(enrolments), [_row(number, tokens[number]) for number in numbers])
        connection.execute(sa.update(state).where(state.c.name == VERSION).values(value=people))
    vectors = np.random.default_rng(0).standard_normal((people, _KEY.size), dtype=np.float32)
    rows = {token: vectors[number : number + 1] for number, token in enumerate(tokens)}
    PickleStore(office.kept).write(_KEY.base, _KEY, rows)
    office.gallery.snapshot()
    return office


def _row(number: int, token: str) -> dict[str, object]:
    return {
        "token": token, "reco_id": f"ID-{number}", "folder": f"person-ID-{number}", "upload_id": f"upload-{number}",
        "images": 1, "added_version": number + 1, "files_removed": False, "created": 0,
    }  # fmt: skip
