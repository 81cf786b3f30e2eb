"""Records in memory: what the flows ask of `pipeline.ports`, without a database, files or threads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from codes_dict import Code, Outcome, Refusal
from pipeline.classifier.options import chosen
from pipeline.ports import (
    AuditEvent,
    Block,
    ClassifierReport,
    Enrolled,
    EnrolledFace,
    EnrolmentRequest,
    FaceGuard,
    Forgotten,
    Guard,
    NewImage,
    PhotoMark,
    StoredImage,
    StoredPhoto,
    Terms,
)
from pipeline.stages.distance import template
from pipeline.types import EnrolledFaces, Floats, Person


class Faulty:
    """A store that refuses everything once it has a `fault`."""

    fault: Code | None = None

    def check(self) -> None:
        """Refuse with the fault."""
        if self.fault is not None:
            raise Refusal(self.fault)


@dataclass
class MemoryUpload:
    """An upload; `fault` is what reading its files refuses with."""

    upload_id: str
    id: str
    photos: list[StoredPhoto]
    challenge: tuple[str, ...] = ()
    fault: Code | None = None

    @property
    def images(self) -> list[StoredImage]:
        """Return the images that were kept."""
        return [photo.image for photo in self.photos]

    def load(self) -> list[StoredPhoto]:
        """Return the photos."""
        if self.fault is not None:
            raise Refusal(self.fault)
        return self.photos


class MemoryUploads(Faulty):
    """All uploads, by upload_id."""

    def __init__(self) -> None:
        self.open_ones: dict[str, MemoryUpload] = {}

    def create(self, person_id: str, images: Sequence[NewImage], challenge: Sequence[str] = ()) -> MemoryUpload:
        """Keep new photos."""
        self.check()
        photos = [
            StoredPhoto(
                StoredImage(f"{number:04}.{one.extension}", one.digest, one.score, one.name), one.data, one.cache
            )
            for number, one in enumerate(images, start=1)
        ]
        return self.add(person_id, photos, challenge)

    def add(self, person_id: str, photos: list[StoredPhoto], challenge: Sequence[str] = ()) -> MemoryUpload:
        """Add an upload of these photos."""
        upload_id = f"{person_id}-{len(self.open_ones):032x}"
        self.open_ones[upload_id] = MemoryUpload(upload_id, person_id, photos, tuple(challenge))
        return self.open_ones[upload_id]

    def open(self, upload_id: str) -> MemoryUpload:
        """Return an upload that was not enrolled."""
        if upload_id not in self.open_ones:
            raise Refusal(Code.UPLOAD_GONE, field="upload_id")
        return self.open_ones[upload_id]


class MemoryPeople(Faulty):
    """The people table, and which people have a folder."""

    def __init__(self) -> None:
        self.rows: dict[str, Person] = {}
        self.folders: set[str] = set()
        self.same: dict[str, frozenset[str]] = {}
        self.kept_terms: dict[str, Terms] = {}

    def find(self, person_id: str) -> Person | None:
        """Return the row of this ID."""
        self.check()
        return self.rows.get(person_id)

    def search(self, text: str, most: int, after: str = "") -> list[Person]:
        """Return rows by ID."""
        self.check()
        found = [one for one in self.rows.values() if text.lower() in f"{one.id} {one.name}".lower() and one.id > after]
        return sorted(found, key=lambda person: person.id)[:most]

    def page(self, start: int, most: int) -> tuple[int, list[Person]]:
        """Return some rows by ID."""
        found = self.search("", len(self.rows))
        return len(found), found[start : start + most]

    def rename(self, person_id: str, name: str) -> Person | None:
        """Replace the row."""
        self.check()
        row = self.rows.get(person_id)
        if row:
            self.rows[person_id] = replace(row, name=name.lower(), given_name=name)
        return row and self.rows[person_id]

    def folder_exists(self, person: Person) -> bool:
        """Whether the person has a folder."""
        return person.id in self.folders

    def terms(self, person_id: str) -> Terms | None:
        """Return what was given."""
        return self.kept_terms.get(person_id)

    def same_as(self, person_id: str) -> frozenset[str]:
        """Return the linked IDs."""
        return self.same.get(person_id, frozenset())


@dataclass(frozen=True, eq=False)
class MemoryCandidates:
    """Everybody's templates, in one block."""

    ids: list[str]
    blocks: list[Block]


@dataclass(eq=False)
class MemoryGallery(Faulty):
    """Everybody's embeddings, (m, d) per model, by ID; it is its own snapshot."""

    everybody: dict[str, EnrolledFaces] = field(default_factory=dict)
    rebuilding: Code | None = None

    def snapshot(self) -> MemoryGallery:
        """Return itself."""
        self.check()
        return self

    @property
    def people(self) -> int:
        """How many people there are."""
        return len(self.everybody)

    def candidates(self, probes: Mapping[str, Floats], include: str) -> MemoryCandidates:
        """Return everybody."""
        people = self.everybody.values()
        models = {name for one in people for name in one}
        templates = {name: np.stack([template(one[name], "cosine", one.first) for one in people]) for name in models}
        lengths = {name: np.linalg.norm(rows, axis=1) for name, rows in templates.items()}
        counts = np.array([len(next(iter(one.values()))) for one in people], np.int64)
        return MemoryCandidates(list(self.everybody), [Block(templates, lengths, counts)])

    def person(self, person_id: str) -> EnrolledFaces | None:
        """Return one person's embeddings."""
        return self.everybody.get(person_id)

    def delete_pickles(self) -> Mapping[str, Code]:
        """Say that one file was deleted."""
        return {"gallery.pkl": Code.PICKLE_DELETED}

    def rebuild(self) -> Mapping[str, Code]:
        """Say that one file was rebuilt, or refuse."""
        if self.rebuilding is not None:
            raise Refusal(self.rebuilding)
        return {"Colour": Code.PICKLE_REBUILT}


@dataclass(eq=False)
class MemoryEnrolments(Faulty):
    """Enrols into the stores above; `meanwhile` is called once the enrolment has begun."""

    uploads: MemoryUploads
    people: MemoryPeople
    gallery: MemoryGallery
    audit: MemoryAudit
    announced: MemoryAnnounced
    requests: list[EnrolmentRequest] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    meanwhile: Callable[[], object] = lambda: None

    def enrol(self, request: EnrolmentRequest, guard: Guard) -> Enrolled:
        """Enrol a person: row, folder and embeddings."""
        self.meanwhile()
        self.check()
        upload_id = self.uploads.open(request.upload.upload_id).upload_id
        before = self.people.find(request.id)
        known = self.gallery.person(request.id)
        guard(before, known)
        new = {name: np.stack([face.embeddings[name] for face in request.faces]) for name in ("Colour",)}
        added = known if known and not request.in_place else EnrolledFaces({})
        rows = {name: np.concatenate([added[name], rows]) if name in added else rows for name, rows in new.items()}
        self.gallery.everybody[request.id] = EnrolledFaces(rows, added.first or None)
        stored = request.name.lower().replace(" ", "_")
        person = before if before and not request.in_place else Person(7, request.id, stored, stored, request.name)
        self.people.rows[request.id] = person
        self.announced.remove(request.id)
        self.people.folders.add(request.id)
        self.requests.append(request)
        done = Enrolled(person, before is not None, ["main.png"] * len(request.faces), ["aug.png"])
        if request.outcome:
            outcome = self.outcomes[upload_id] = request.outcome(done)
            if request.event:
                self.audit.record(request.event(outcome))
        del self.uploads.open_ones[upload_id]
        return done

    def keep_outcome(self, upload_id: str, outcome: Outcome) -> None:
        """Replace a stored outcome."""
        self.outcomes[upload_id] = outcome

    def earlier(self, upload_id: str) -> Outcome | None:
        """Return a stored outcome."""
        return self.outcomes.get(upload_id)


class MemoryReplays(Faulty):
    """Which upload used a photo first, by the photo's digest."""

    def __init__(self) -> None:
        self.used: dict[str, str] = {}

    def claim(self, upload_id: str, marks: Sequence[PhotoMark]) -> list[bool]:
        """Claim the photos that nobody used."""
        self.check()
        return [self.used.setdefault(mark.digest, upload_id) != upload_id for mark in marks]


class MemoryForgetting(Faulty):
    """Forgets whom the people table holds, and who is announced."""

    def __init__(self, people: MemoryPeople, gallery: MemoryGallery, announced: MemoryAnnounced) -> None:
        self.people, self.gallery, self.announced = people, gallery, announced

    def forget(self, person_id: str) -> Forgotten | None:
        """Forget a person."""
        self.check()
        self.gallery.everybody.pop(person_id, None)
        row, was_announced = self.people.rows.pop(person_id, None), self.announced.remove(person_id)
        return Forgotten({"rows": 1}, 0.0) if row or was_announced else None


class MemoryAudit(Faulty):
    """What was recorded."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    def record(self, event: AuditEvent) -> None:
        """Record an event."""
        self.check()
        self.events.append(event)


class MemoryAcceptances(Faulty):
    """The first acceptance of each upload; `meanwhile` is one that another process records first."""

    def __init__(self, audit: MemoryAudit) -> None:
        self.audit, self.first = audit, dict[str, Outcome]()
        self.meanwhile: Outcome | None = None

    def of(self, upload_id: str) -> Outcome | None:
        """Return the first one."""
        self.check()
        return self.first.get(upload_id)

    def accept(self, upload_id: str, outcome: Outcome, event: AuditEvent) -> Outcome | None:
        """Record the first one."""
        self.check()
        if self.meanwhile:
            self.first.setdefault(upload_id, self.meanwhile)
        first = self.first.setdefault(upload_id, outcome)
        if first is outcome:
            self.audit.record(event)
        return None if first is outcome else first


class MemoryChallenges(Faulty):
    """Challenges by nonce; a redeemed one has the code of its fate."""

    def __init__(self) -> None:
        self.given: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.over: dict[str, Code] = {}

    def issue(self, person_id: str, actions: Sequence[str]) -> str:
        """Keep a challenge."""
        self.check()
        nonce = f"{len(self.given):032x}"
        self.given[nonce] = person_id, tuple(actions)
        return nonce

    def redeem(self, person_id: str, nonce: str) -> tuple[str, ...]:
        """Use a challenge up."""
        self.check()
        owner, actions = self.given.get(nonce, ("", ()))
        if owner != person_id:
            raise Refusal(Code.CHALLENGE_FOREIGN)
        if nonce in self.over:
            raise Refusal(self.over[nonce])
        self.over[nonce] = Code.CHALLENGE_REUSED
        return actions


class MemoryFaces(Faulty):
    """Faces by ID; a face's number is its row in the gallery."""

    def __init__(self, gallery: MemoryGallery) -> None:
        self.gallery = gallery

    def of(self, person_id: str) -> list[EnrolledFace]:
        """Return an ID's faces."""
        self.check()
        rows = self.gallery.everybody.get(person_id, EnrolledFaces({}))
        count = max((len(one) for one in rows.values()), default=0)
        return [EnrolledFace(f"{person_id}_{at:02}", person_id, "0" * 32, at, person_id, 7) for at in range(count)]

    def page(self, start: int, most: int, ids: tuple[str, str] | None = None) -> tuple[int, list[EnrolledFace]]:
        """Return some faces."""
        first, end = ids or ("", "~")
        found = [face for one in self.gallery.everybody if first <= one < end for face in self.of(one)]
        return len(found), found[start : start + most]

    def replace(self, person_id: str, old: str, new: str) -> None:
        """Take the old one away."""
        self.take(person_id, {old})

    def find(self, face_id: str) -> EnrolledFace | None:
        """Return a face."""
        return next((one for one in self.of(face_id.rpartition("_")[0]) if one.id == face_id), None)

    def picture(self, face: EnrolledFace, augmented: int = 0) -> bytes | None:
        """Return no PNG, but something; there are two augmentations."""
        return b"picture" if augmented <= 2 else None

    def take(
        self,
        person_id: str,
        taken: Collection[str],
        to: str = "",
        guard: FaceGuard | None = None,
        *,
        also_last: bool = False,
    ) -> None:
        """Take rows away, and add them to another person."""
        numbers, everybody = [one.number for one in self.of(person_id) if one.id in taken], self.gallery.everybody
        if len(numbers) != len(set(taken)) or not numbers or (to and to not in everybody):
            raise Refusal(Code.NO_ROW)
        rows = everybody[person_id]
        if len(numbers) == len(self.of(person_id)) and not also_last:
            raise Refusal(Code.VALUE_REFUSED)
        moved = {name: block[numbers] for name, block in rows.items()}
        if guard:
            guard(moved, everybody.get(to))
        everybody[person_id] = EnrolledFaces({name: np.delete(block, numbers, 0) for name, block in rows.items()})
        if to:
            everybody[to] = EnrolledFaces(
                {name: np.vstack([block, moved[name]]) for name, block in everybody[to].items()}
            )


class MemoryClassifiers(Faulty):
    """Homes with users; a face is a user as far as its embedding points where the mean of theirs does."""

    def __init__(self) -> None:
        self.homes: dict[str, dict[str, EnrolledFaces]] = {}

    def check_options(self, sent: Mapping[str, object]) -> None:
        """Refuse what is out of bounds."""
        chosen(sent)
        self.check()

    def users(self, home: str) -> Mapping[str, EnrolledFaces]:
        """Return the users' faces."""
        return self.homes.get(home, {})

    def chance(self, home: str, user: str, embeddings: Mapping[str, Floats]) -> tuple[float, float] | None:
        """Return the cosine to the user's mean; None for an unknown user."""
        faces = self.users(home).get(user)
        if faces is None:
            return None
        (name, own), mean = next(iter(embeddings.items())), next(iter(faces.values())).mean(axis=0)
        cosine = float(own @ mean / np.linalg.norm(own) / np.linalg.norm(mean)) if name in faces else 0.0
        return cosine if cosine > 0.9 else 0.0, 0.001

    def train(
        self,
        home: str,
        change: Callable[[Mapping[str, EnrolledFaces]], Mapping[str, EnrolledFaces]],
        options: Mapping[str, object],
        progress: Callable[[float], None],
    ) -> ClassifierReport:
        """Take the users over."""
        self.check()
        faces = self.homes[home] = dict(change(self.users(home)))
        progress(1.0)
        return ClassifierReport(1, {name: len(next(iter(one.values()))) for name, one in faces.items()}, {})


class MemoryAnnounced(Faulty):
    """Names by ID."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def add(self, person_id: str, name: str) -> bool:
        """Add a name."""
        self.check()
        is_new = person_id not in self.names
        self.names.setdefault(person_id, name)
        return is_new

    def find(self, person_id: str) -> str | None:
        """Return a name."""
        self.check()
        return self.names.get(person_id)

    def rename(self, person_id: str, name: str) -> None:
        """Replace a name."""
        self.names[person_id] = name

    def remove(self, person_id: str) -> bool:
        """Remove a name."""
        return self.names.pop(person_id, None) is not None

    def all(self) -> list[tuple[str, str]]:
        """Return all names."""
        self.check()
        return sorted(self.names.items())


class MemorySubjects(Faulty):
    """Names of the people, and of the announced, whose IDs the server made."""

    def __init__(self, people: MemoryPeople, announced: MemoryAnnounced) -> None:
        self.people, self.announced = people, announced

    def all(self) -> list[tuple[str, str]]:
        """Return IDs and names."""
        self.check()
        names = {one.id: one.given_name for one in self.people.rows.values()} | self.announced.names
        return sorted(((one, name) for one, name in names.items() if one.startswith("cf-")), key=lambda one: one[1])

    def find(self, name: str) -> str | None:
        """Return an ID."""
        return next((one for one, its_name in self.all() if its_name == name), None)

    def announce(self, name: str) -> tuple[str, bool]:
        """Add a name, under the next number, if it is new."""
        known = self.find(name)
        person_id = known or f"cf-{len(self.people.rows) + len(self.announced.names):016x}"
        if known is None:
            self.announced.names[person_id] = name
        return person_id, known is None

    def rename(self, person_id: str, name: str) -> str | None:
        """Replace a name."""
        taken = self.find(name)
        if taken not in (None, person_id):
            return taken
        if self.people.rename(person_id, name) is None:
            self.announced.names[person_id] = name
        return None
