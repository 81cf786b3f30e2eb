"""A gallery of as many people as wanted, filled at one go, and then enrolled into as the product does."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from db.enrolment_unit import EnrolmentUnit
from db.enrolments import EnrolmentRecords
from db.gallery.memory import MemoryGallery
from db.gallery.pickles import Key, PickleStore
from db.initialise import initialise
from db.kept import UPLOADS, KeptFiles
from db.people import People
from db.schema import VERSION, PeopleNames, enrolments, state
from db.session import Database, make_engine
from db.uploads import UploadStore
from pipeline.ports import EnrolmentRequest, NewFace, NewImage
from pipeline.stages.distance import template
from pipeline.types import BothSides, Box, Crop, Embedder, Floats

MODEL = "Dlib"
_KEY = Key(MODEL, "0" * 16, 128)
_BATCH = 10_000


class _Random:
    """Stands for a model: what is measured is keeping embeddings, not making them."""

    name, version, size = _KEY.model, _KEY.version, _KEY.size

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Return a random vector for every crop."""
        return np.random.default_rng(0).standard_normal((len(crops), self.size), dtype=np.float32)

    def both_sides(self, crops: Sequence[Crop]) -> BothSides:
        """Return random vectors that agree."""
        return BothSides(self.embed(crops), self.embed(crops))


class Office:
    """Enrols people into one gallery."""

    def __init__(self, folder: Path) -> None:
        self.root, uploads = folder / "people", folder / "uploads"
        for one in (self.root, uploads):
            one.mkdir(parents=True)
        uri = f"sqlite:///{folder / 'faceapp.sqlite'}"
        initialise(uri, PeopleNames())
        self.database = Database(make_engine(uri))
        self.kept = KeptFiles(self.root)
        people = People(self.database, PeopleNames(), self.kept)
        self.uploads = UploadStore(KeptFiles(uploads, UPLOADS))
        self.gallery = self.reopened()
        entries = EnrolmentRecords(self.database)
        self.enroller = EnrolmentUnit(self.database, people, entries, self.gallery, self.uploads, self.kept)
        self._count = 0

    @property
    def models(self) -> Mapping[str, Embedder]:
        """What stands for the models."""
        return {MODEL: _Random()}

    def reopened(self) -> MemoryGallery:
        """Return the gallery as another process has it: nothing is read yet."""
        entries = EnrolmentRecords(self.database)
        return MemoryGallery(self.kept, entries, self.models, lambda rows, _: template(rows, "cosine"))

    def enrol_one(self) -> None:
        """Enrol one person with one photo, and look whether a search would see them."""
        self._count += 1
        person_id = f"NEW-{self._count}"
        pixels = np.full((200, 200, 3), 128, np.uint8)
        crop = Crop(pixels, np.ones((5, 2), np.float32), Box(50, 50, 100, 100), "0" * 64)
        vectors = np.random.default_rng(self._count).standard_normal(_KEY.size, dtype=np.float32)
        face = NewFace(crop, pixels, [pixels] * 4, {_KEY.model: vectors})
        upload = self.uploads.create(person_id, [NewImage(b"photo", "jpg", "0" * 64, 9.0)])
        self.enroller.enrol(EnrolmentRequest(person_id, "Somebody", False, upload, [face]), lambda *_: None)
        if person_id not in self.gallery.snapshot().ids:
            raise RuntimeError("the person is not in the gallery")


def filled(folder: Path, people: int) -> Office:
    """Return an office whose gallery holds so many people, and has been read once."""
    office = Office(folder)
    tokens = [secrets.token_hex(16) for _ in range(people)]
    with office.database.writing() as connection:
        for start in range(0, people, _BATCH):
            numbers = range(start, min(start + _BATCH, people))
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
