"""All of db/ put together on one database and two folders, for tests."""

from __future__ import annotations

import functools
import os
import secrets
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from codes_dict import Code, Outcome
from db.audit import AuditTrail
from db.enrolment_unit import EnrolmentUnit
from db.enrolments import EnrolmentRecords
from db.face_records import FaceRecords
from db.forgetting import ForgettingUnit
from db.gallery.memory import MemoryGallery
from db.gallery.protocol import GalleryBackend
from db.initialise import initialise
from db.installation import NAMES, own_key
from db.kept import PEOPLE, UPLOADS, KeptFiles
from db.milvus.connection import Milvus
from db.milvus.gallery import MilvusGallery
from db.people import People
from db.recovery import recover
from db.schema import PeopleNames
from db.session import Database, make_engine
from db.uploads import StoredUpload, UploadStore
from pipeline.ports import AuditEvent, Block, Candidates, Enrolled, EnrolmentRequest, Guard, NewFace, NewImage
from pipeline.types import Crop, Embedder, Floats
from security.sealing import Seal
from tests.fakes import ColourEmbedder, face_of

Colour = tuple[int, int, int]
RED, GREEN, BLUE, WHITE = (200, 10, 10), (10, 200, 10), (10, 10, 200), (250, 250, 250)


class Brightness(ColourEmbedder):
    """A second model: a crop's brightness and the square of it."""

    name, version, size = "Bright-ness", "b" * 16, 2

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Return (mean, mean squared) of every crop."""
        self.calls.append(len(crops))
        return np.array([[crop.pixels.mean(), crop.pixels.mean() ** 2] for crop in crops], np.float32)


@dataclass(frozen=True)
class Where:
    """A database that a house stands on."""

    uri: str
    user: str = ""
    password: str = ""
    schema: str = ""
    milvus: str = ""
    """The gallery's Milvus; in memory where empty."""
    keys: tuple[bytes | None, ...] = (None,)
    """What DATA_KEY holds."""

    def fresh(self) -> Where:
        """Return the same server with a schema that nobody else uses."""
        return replace(self, schema=f"faceapp_{secrets.token_hex(6)}")

    def database(self, connect_timeout: int = 4) -> Database:
        """Return a new engine's database."""
        engine = make_engine(self.uri, self.user, self.password, self.schema, connect_timeout=connect_timeout)
        return Database(engine)


def mean(rows: Floats, first: int) -> Floats:
    """Return the rows' mean, the simplest template, wherever they come from."""
    centre: Floats = rows.mean(axis=0)
    return centre


def whole(found: Candidates) -> Block:
    """Return all blocks as one."""
    blocks = found.blocks
    templates = {model: np.concatenate([one.templates[model] for one in blocks]) for model in blocks[0].templates}
    lengths = {model: np.concatenate([one.lengths[model] for one in blocks]) for model in templates}
    return Block(templates, lengths, np.concatenate([one.counts for one in blocks]))


class House:
    """People, enrolments, gallery, uploads and the enroller of one process."""

    def __init__(
        self,
        where: Where,
        folder: Path,
        *,
        names: PeopleNames | None = None,
        step: Callable[[str], None] = lambda _name: None,
        embedders: Sequence[ColourEmbedder] | None = None,
        prepared: bool = False,
    ) -> None:
        self.where, self.folder, self.names = where, folder, names or PeopleNames()
        self.root, uploads = folder / "people", folder / "uploads"
        self.root.mkdir(exist_ok=True, parents=True)
        uploads.mkdir(exist_ok=True)
        if not prepared:
            initialise(where.uri, self.names, where.user, where.password, where.schema)
        self.database = where.database()
        names_key = functools.cache(lambda: own_key(self.database, NAMES))
        seal = Seal(where.keys)
        self.kept = KeptFiles(self.root, PEOPLE, seal, names_key)
        self.people = People(self.database, self.names, self.kept)
        self.audit = AuditTrail(self.database, folder / "audit")
        self.enrolments = EnrolmentRecords(self.database)
        self.uploads = UploadStore(KeptFiles(uploads, UPLOADS, seal, names_key))
        self.models = list(embedders) if embedders is not None else [ColourEmbedder(), Brightness()]
        models: Mapping[str, Embedder] = {one.name: one for one in self.models}
        self.shelf = self._shelf(models)
        self.enroller = EnrolmentUnit(
            self.database, self.people, self.enrolments, self.shelf, self.uploads, self.kept, self.audit, step=step
        )

        self.forgetting = ForgettingUnit(
            self.database, self.people, self.enrolments, self.shelf, self.uploads, self.kept, self.audit, step=step
        )
        self.face_records = FaceRecords(self.database, self.people, self.enrolments, self.shelf, self.kept, step=step)

    @property
    def gallery(self) -> MemoryGallery:
        """The gallery where it is in memory."""
        assert isinstance(self.shelf, MemoryGallery)
        return self.shelf

    def _shelf(self, models: Mapping[str, Embedder]) -> GalleryBackend:
        if not self.where.milvus:
            return MemoryGallery(self.kept, self.enrolments, models, mean)
        return MilvusGallery(self.kept, self.enrolments, models, mean, Milvus(self.where.milvus))

    def another(self, step: Callable[[str], None] = lambda _name: None) -> House:
        """Return what another process would have: the same database and folders, nothing else shared."""
        return House(self.where, self.folder, names=self.names, step=step, prepared=True)

    def upload(self, person_id: str, *colours: Colour) -> StoredUpload:
        """Make an upload with one photo a colour."""
        images = [NewImage(bytes(colour), "jpg", f"{colour}", 9.0) for colour in colours]
        return self.uploads.create(person_id, images)

    def faces(self, *colours: Colour) -> list[NewFace]:
        """Make a face of each colour with its picture, two augmentations and embeddings."""
        crops = [face_of(colour).crop for colour in colours]
        rows = {model.name: model.embed(crops) for model in self.models}
        for model in self.models:
            model.calls.clear()
        return [
            NewFace(
                crop,
                crop.pixels[:32, :32],
                [crop.pixels[:16, :16]] * 2,
                {name: block[number] for name, block in rows.items()},
            )
            for number, crop in enumerate(crops)
        ]

    def enrol(
        self,
        person_id: str,
        name: str,
        *colours: Colour,
        in_place: bool = False,
        upload: StoredUpload | None = None,
        guard: Guard | None = None,
        outcome: Callable[[Enrolled], Outcome] | None = None,
    ) -> Enrolled:
        """Enrol a person whose faces are plain colours."""
        used = upload or self.upload(person_id, *colours)
        faces, event = self.faces(*colours), partial(enrol_event, person_id)
        request = EnrolmentRequest(person_id, name, in_place, used, faces, outcome=outcome, event=event)
        return self.enroller.enrol(request, guard)

    def colours(self, person_id: str) -> list[Colour] | None:
        """Return the colours that a person is enrolled with, as the gallery tells."""
        found = self.shelf.snapshot().person(person_id)
        if found is None:
            return None
        return [(int(red), int(green), int(blue)) for red, green, blue in np.rint(found["Colour"] - 1)]

    def recover(self) -> int:
        """Recover as a start does; return how many things were left."""
        return recover(self.enrolments, self.uploads, self.kept, self.shelf.remove)

    def files(self) -> list[str]:
        """Return all files of people and gallery, relative to DB_PATH; lock files aside."""
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if path.suffix != ".lock")

    def execute(self, statement: str) -> None:
        """Execute SQL as an operator would."""
        with self.database.writing() as connection:
            connection.execute(sa.text(statement))


def die_at(step: str) -> Callable[[str], None]:
    """Return a hook that kills its own process with SIGKILL at a step."""

    def hook(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


def raise_at(step: str) -> Callable[[str], None]:
    """Return a hook that raises OSError at a step."""

    def hook(name: str) -> None:
        if name == step:
            raise OSError(f"made to fail at {name}")

    return hook


def reply(enrolled: Enrolled) -> Outcome:
    """Return what an enrolment is answered, in a simple form."""
    return Outcome(Code.ENROLLED, {"mysql_id": enrolled.person.key, "main": list(enrolled.main)})


def enrol_event(person_id: str, outcome: Outcome) -> AuditEvent:
    """Return what the audit keeps of an enrolment."""
    return AuditEvent("enrol", person_id, int(outcome.code))


def forget_dying_at(step: str, where: Where, folder: Path, person_id: str) -> None:
    """Forget somebody in a process that kills itself at a step; for `tests.processes`."""
    House(where, folder, step=die_at(step), prepared=True).forgetting.forget(person_id)


def take_face_dying_at(step: str, where: Where, folder: Path, person_id: str, face_id: str, to: str) -> None:
    """Take a face away in a process that kills itself at a step; for `tests.processes`."""
    House(where, folder, step=die_at(step), prepared=True).face_records.take(person_id, {face_id}, to)


def enrol_dying_at(
    step: str, where: Where, folder: Path, name: str, colour: Colour, upload_id: str, in_place: bool = False
) -> None:
    """Enrol the upload's person in a process that kills itself at a step; for `tests.processes`."""
    house = House(where, folder, step=die_at(step), prepared=True)
    upload = house.uploads.open(upload_id)
    house.enrol(upload.id, name, colour, in_place=in_place, upload=upload, outcome=reply)
