"""The records as the server opens them, on SQLite, with random embeddings in place of a model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from codes_dict import Code, Outcome
from db.audit import AuditTrail
from db.enrolment_unit import EnrolmentUnit
from db.enrolments import EnrolmentRecords
from db.forgetting import ForgettingUnit
from db.gallery.memory import MemoryGallery
from db.initialise import initialise
from db.kept import UPLOADS, KeptFiles
from db.people import People
from db.recovery import recover
from db.schema import PeopleNames
from db.session import Database, make_engine
from db.uploads import UploadStore
from pipeline.ports import AuditEvent, EnrolmentRequest, NewFace, NewImage
from pipeline.stages.distance import template
from pipeline.types import BothSides, Box, Crop, Floats
from security.audit_check import check

MODEL, SIZE = "Random", 8


class RandomModel:
    """Stands for a model: what is tried is keeping embeddings, not making them."""

    version = "0" * 16

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = name, size

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Return a random vector for every crop."""
        return np.random.default_rng(0).standard_normal((len(crops), self.size), dtype=np.float32)

    def both_sides(self, crops: Sequence[Crop]) -> BothSides:
        """Return random vectors that agree."""
        return BothSides(self.embed(crops), self.embed(crops))


class Records:
    """Everything that is kept in `folder`, of a model with random embeddings; each photo has so many augmentations."""

    def __init__(self, folder: Path, model: str = MODEL, size: int = SIZE, side: int = 64, copies: int = 1) -> None:
        self._side, self._copies = side, copies
        for name in ("people", "uploads"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{folder / 'faceapp.sqlite'}"
        initialise(uri, PeopleNames())
        self.database = Database(make_engine(uri))
        self.kept = KeptFiles(folder / "people")
        self.uploads = UploadStore(KeptFiles(folder / "uploads", UPLOADS))
        self.people, self.entries = People(self.database, PeopleNames(), self.kept), EnrolmentRecords(self.database)
        self.models = {model: RandomModel(model, size)}
        self.gallery = self.reopened()
        self.audit = AuditTrail(self.database, folder / "audit")
        parts = self.database, self.people, self.entries, self.gallery, self.uploads, self.kept, self.audit
        self.enroller, self.forgetting = EnrolmentUnit(*parts), ForgettingUnit(*parts)

    def reopened(self) -> MemoryGallery:
        """Return the gallery as another process has it: nothing is read yet."""
        return MemoryGallery(self.kept, self.entries, self.models, lambda rows, _: template(rows, "cosine"))

    def enrol(self, person_id: str, photos: int = 1, in_place: bool = False) -> None:
        """Enrol so many photos."""
        side = self._side
        pixels = np.full((side, side, 3), 128, np.uint8)
        crop = Crop(pixels, np.ones((5, 2), np.float32), Box(side / 4, side / 4, side / 2, side / 2), "0" * 64)
        vectors = {name: model.embed([crop])[0] for name, model in self.models.items()}
        faces = [NewFace(crop, pixels, [pixels] * self._copies, vectors)] * photos
        upload = self.uploads.create(person_id, [NewImage(b"photo", "jpg", "0" * 64, 9.0)] * photos)
        request = EnrolmentRequest(
            person_id, "Somebody", in_place, upload, faces,
            outcome=lambda _: Outcome(Code.ENROLLED), event=lambda done: AuditEvent("enrol", person_id, int(done.code)),
        )  # fmt: skip
        self.enroller.enrol(request)


class ChaosStore(Records):
    """Records, and what is wrong with them."""

    def restart(self) -> None:
        """Do what a start does."""
        self.forgetting.finish_all()
        recover(self.entries, self.uploads, self.kept, self.gallery.remove)

    def photos(self, person_id: str) -> int:
        """Return how many photos of a person a search compares with, 0 for a stranger."""
        found = self.gallery.snapshot().person(person_id)
        return len(found[MODEL]) if found else 0

    def faults(self, person_ids: Sequence[str]) -> list[str]:
        """Return where row, files, enrolments, gallery and audit disagree."""
        found = check(self.audit.key(), self.audit.head(), self.audit.lines()).faults
        names = [path.name for path in self.kept.root.rglob("*.png") if path.parent.name == "source"]
        for person_id in person_ids:
            row, photos = self.people.find(person_id), self.photos(person_id)
            if (row is None) != (photos == 0):
                found.append(f"{person_id}: {photos} photos, row {row}")
            for one in self.entries.of_people([person_id]):
                if sum(one.token in name for name in names) != one.images:
                    found.append(f"{person_id}: files of enrolment {one.token} are missing")
        active = {one.token for one in self.entries.of_people(list(person_ids))}
        found += [f"{name} belongs to nobody" for name in names if not any(token in name for token in active)]
        return found
