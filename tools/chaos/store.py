"""The records as the server opens them, on SQLite, with random embeddings in place of models."""

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


class _Random:
    """Stands for a model."""

    name, version, size = MODEL, "0" * 16, SIZE

    def embed(self, crops: Sequence[Crop]) -> Floats:
        """Return the same vector for every crop."""
        return np.ones((len(crops), SIZE), np.float32)

    def both_sides(self, crops: Sequence[Crop]) -> BothSides:
        """Return vectors that agree."""
        return BothSides(self.embed(crops), self.embed(crops))


class ChaosStore:
    """Everything that is kept in `folder`."""

    def __init__(self, folder: Path) -> None:
        for name in ("people", "uploads"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{folder / 'faceapp.sqlite'}"
        initialise(uri, PeopleNames())
        self.database = Database(make_engine(uri))
        self.kept = KeptFiles(folder / "people")
        self.uploads = UploadStore(KeptFiles(folder / "uploads", UPLOADS))
        self.people, self.entries = People(self.database, PeopleNames(), self.kept), EnrolmentRecords(self.database)
        self.gallery = MemoryGallery(
            self.kept, self.entries, {MODEL: _Random()}, lambda rows, _: template(rows, "cosine")
        )
        self.audit = AuditTrail(self.database, folder / "audit")
        parts = self.database, self.people, self.entries, self.gallery, self.uploads, self.kept, self.audit
        self.enroller, self.forgetting = EnrolmentUnit(*parts), ForgettingUnit(*parts)

    def enrol(self, person_id: str, photos: int, in_place: bool) -> None:
        """Enrol so many photos."""
        pixels = np.full((64, 64, 3), 128, np.uint8)
        crop = Crop(pixels, np.ones((5, 2), np.float32), Box(16, 16, 32, 32), "0" * 64)
        faces = [NewFace(crop, pixels, [pixels], {MODEL: np.ones(SIZE, np.float32)})] * photos
        upload = self.uploads.create(person_id, [NewImage(b"photo", "jpg", "0" * 64, 9.0)] * photos)
        request = EnrolmentRequest(
            person_id, "Somebody", in_place, upload, faces,
            outcome=lambda _: Outcome(Code.ENROLLED), event=lambda done: AuditEvent("enrol", person_id, int(done.code)),
        )  # fmt: skip
        self.enroller.enrol(request)

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
