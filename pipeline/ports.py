"""What the flows ask of the records: uploads, people, enrolments and the gallery. `db` fulfils these Protocols."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy.typing as npt

from codes_dict import Code, Outcome
from pipeline.types import Counts, Crop, Detection, EnrolledFaces, Floats, Person, Pixels


@dataclass(frozen=True, eq=False)
class CachedFace:
    """A face as it was found, and the embeddings (d,) that were made of it, by model and its version."""

    detection: Detection
    embeddings: Mapping[tuple[str, str], Floats]


@dataclass(frozen=True, eq=False)
class CachedPhoto:
    """What was computed of a photo when it came: its perceptual hash (64 bits) and its faces, largest first.

    Faces are where they were found in the photo as `turn` and `area` say; see `Photo`.
    """

    hash: int
    faces: Sequence[CachedFace]
    turn: int = 0
    area: int = 0


@dataclass(frozen=True, eq=False)
class NewImage:
    """A photo to keep: its file's bytes as they came, `extension` without the dot, SHA-256 in hex, score 0 to 10.

    `name` is what the client called it.
    """

    data: bytes
    extension: str
    digest: str
    score: float
    cache: CachedPhoto | None = None
    name: str = ""


@dataclass(frozen=True)
class StoredImage:
    """A kept photo: `saved_as` is the server's name for it, `name` the client's (empty in uploads of before)."""

    saved_as: str
    digest: str
    score: float
    name: str = ""


@dataclass(frozen=True, eq=False)
class StoredPhoto:
    """A kept photo: its file's bytes, and what was computed of exactly these bytes, None where that is not known."""

    image: StoredImage
    data: bytes
    cache: CachedPhoto | None = None


@dataclass(frozen=True)
class PhotoMark:
    """All that is remembered of a used photo: the SHA-256 of its file in hex, and its 1024-bit hash (128 bytes).

    And a code of each of its faces. By `views` a copy is looked up, they are not remembered: the codes of the faces and
    of their mirror images, moved a little. All codes have one length.
    """

    digest: str
    hash: bytes
    faces: tuple[bytes, ...] = ()
    views: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class AuditEvent:
    """What the audit keeps: `action` is verify, enrol, forget, keys, settings or another word; `code` how it ended.

    `about` is plain JSON that explains it, without anything that names a person. `subject` is given where the person's
    key is already deleted; else it is computed from `person_id`.
    """

    action: str
    person_id: str = ""
    code: int | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""


class Replays(Protocol):
    """The photos that were used before."""

    def claim(self, upload_id: str, marks: Sequence[PhotoMark]) -> list[bool]:
        """Return for each photo whether another upload used it before; the others become this upload's."""


class Acceptances(Protocol):
    """The uploads that were accepted by a verification."""

    def of(self, upload_id: str) -> Outcome | None:
        """Return how an upload was accepted; None if it was not."""

    def accept(self, upload_id: str, outcome: Outcome, event: AuditEvent) -> Outcome | None:
        """Record an acceptance, in the audit too; return the earlier one, which stays, if there is one."""


class Audit(Protocol):
    """The audit."""

    def record(self, event: AuditEvent) -> None:
        """Append an entry; raises `Refusal` NO_SPACE or DB_DOWN, and what it tells of is then not answered."""


class Upload(Protocol):
    """One upload's folder."""

    @property
    def upload_id(self) -> str:
        """`ID-` and 32 hexadecimal digits; also the folder's name."""

    @property
    def id(self) -> str:
        """The ID that the photos were uploaded for."""

    @property
    def images(self) -> Sequence[StoredImage]:
        """What was kept, in the order of arrival."""

    @property
    def challenge(self) -> Sequence[str]:
        """The actions of the challenge that it answers; none where it answers none."""

    def load(self) -> list[StoredPhoto]:
        """Read every image; raises `Refusal` UPLOAD_GONE, NO_IMAGES where all are gone, IMAGE_MISSING where some."""


class Uploads(Protocol):
    """All uploads."""

    def create(self, person_id: str, images: Sequence[NewImage], challenge: Sequence[str] = ()) -> Upload:
        """Keep these photos under a new upload id, all or none; `challenge` names the actions that they answer."""

    def open(self, upload_id: str) -> Upload:
        """Return the upload; raises `Refusal(UPLOAD_GONE)` for an unknown, used or malformed id."""


class Challenges(Protocol):
    """The challenges that were given."""

    def issue(self, person_id: str, actions: Sequence[str]) -> str:
        """Keep a new challenge for an ID; return its nonce."""

    def redeem(self, person_id: str, nonce: str) -> tuple[str, ...]:
        """Use a challenge up; return its actions. Raises `Refusal` CHALLENGE_FOREIGN, _REUSED or _EXPIRED."""


class People(Protocol):
    """The rows of the people table."""

    def find(self, person_id: str) -> Person | None:
        """Return the row of this ID, compared byte for byte."""

    def search(self, text: str, most: int, after: str = "") -> Sequence[Person]:
        """Return up to `most` rows whose ID or name contains a text, by ID, those after the ID `after`."""

    def page(self, start: int, most: int) -> tuple[int, Sequence[Person]]:
        """Return how many rows there are, and up to `most` of them from number `start`, by ID."""

    def rename(self, person_id: str, name: str) -> Person | None:
        """Give an ID's row another name; None where there is no row."""

    def folder_exists(self, person: Person) -> bool:
        """Whether the row's folder is in the image database."""

    def terms(self, person_id: str) -> Terms | None:
        """Return the terms under which somebody is enrolled; None where none were sent."""

    def same_as(self, person_id: str) -> frozenset[str]:
        """Return the IDs that an admin has declared to be the same person."""


@dataclass(frozen=True, eq=False)
class NewFace:
    """A face to enrol: source crop, pictures for people to look at, and one embedding per model."""

    crop: Crop
    aligned: Pixels
    augmented: Sequence[Pixels]
    embeddings: Mapping[str, Floats]


@dataclass(frozen=True)
class Enrolled:
    """What an enrolment did: the row, whether it was there before, and the files relative to DB_PATH."""

    person: Person
    existed: bool
    main: Sequence[str]
    aug: Sequence[str]


@dataclass(frozen=True)
class Terms:
    """A reference to the consent, empty for none, and the second (since 1970) at which the person is forgotten."""

    consent: str = ""
    retain_until: int | None = None


@dataclass(frozen=True, eq=False)
class EnrolmentRequest:
    """Whom to enrol, from which upload, with which faces; `marks` are remembered as long as they are enrolled.

    `outcome` returns the reply to what was done; it is stored in the same commit, for `Enrolments.earlier`. `event`
    returns what the audit keeps of it, in that commit as well.
    """

    id: str
    name: str
    in_place: bool
    upload: Upload
    faces: Sequence[NewFace]
    marks: Sequence[PhotoMark] = ()
    outcome: Callable[[Enrolled], Outcome] | None = None
    event: Callable[[Outcome], AuditEvent] | None = None
    terms: Terms | None = None


Guard = Callable[[Person | None, EnrolledFaces | None], None]
"""Called inside the ID's lock with the row and all its embeddings as they are; may raise `Refusal`."""


class Enrolments(Protocol):
    """Enrols people: folder, row and gallery change together or not at all."""

    def enrol(self, request: EnrolmentRequest, guard: Guard) -> Enrolled:
        """Enrol; raises `Refusal` INSERT_FAILED, DB_DOWN, NO_SPACE, UPLOAD_GONE, or what the guard raises."""

    def keep_outcome(self, upload_id: str, outcome: Outcome) -> None:
        """Replace the outcome that is stored for an enrolled upload; failures are logged and ignored."""

    def earlier(self, upload_id: str) -> Outcome | None:
        """Return the outcome of the enrolment that used this upload; None where there was none, or none is stored."""


class Announced(Protocol):
    """People who have an ID and a name, and no face yet."""

    def add(self, person_id: str, name: str) -> bool:
        """Announce somebody; False where the ID is announced already."""

    def find(self, person_id: str) -> str | None:
        """Return the name of somebody who is announced."""

    def rename(self, person_id: str, name: str) -> None:
        """Give somebody who is announced another name."""

    def remove(self, person_id: str) -> bool:
        """Take somebody out; False where nobody was there."""

    def all(self) -> Sequence[tuple[str, str]]:
        """Return the IDs and names of everybody who is announced, by ID."""


class Subjects(Protocol):
    """People who are known by their names alone; their IDs are of the server's making, see `stages.identity`."""

    def all(self) -> Sequence[tuple[str, str]]:
        """Return the IDs and names of all subjects, with and without faces, by name."""

    def find(self, name: str) -> str | None:
        """Return the ID of the subject with exactly this name."""

    def announce(self, name: str) -> tuple[str, bool]:
        """Return the ID of the subject with this name, and whether it is a new one, which has no face yet."""

    def rename(self, person_id: str, name: str) -> str | None:
        """Give a subject another name; return the ID of the subject that has it already, in which case nothing is done.

        Raises `Refusal(NO_ROW)` where there is no such subject.
        """


@dataclass(frozen=True)
class EnrolledFace:
    """A face that somebody is enrolled with. `made` is when, in seconds since 1970.

    Its pictures are number `number` of the enrolment `token` in `folder`, relative to DB_PATH.
    """

    id: str
    person_id: str
    token: str
    number: int
    folder: str
    made: int


FaceGuard = Callable[[Mapping[str, Floats], EnrolledFaces | None], None]
"""Called before faces are given to another person, with their embeddings and that person's; may raise `Refusal`."""


class Faces(Protocol):
    """The faces of the people who are enrolled."""

    def of(self, person_id: str) -> Sequence[EnrolledFace]:
        """Return an ID's faces, oldest first."""

    def find(self, face_id: str) -> EnrolledFace | None:
        """Return the face of this id."""

    def picture(self, face: EnrolledFace, augmented: int = 0) -> bytes | None:
        """Return the aligned face as PNG, or from 1 on one of its augmentations; None where there is none."""

    def page(self, start: int, most: int, ids: tuple[str, str] | None = None) -> tuple[int, Sequence[EnrolledFace]]:
        """Return how many faces there are, and up to `most` of them from number `start`, oldest first.

        With `ids`, only those of IDs from the first one up to the second, which is not among them.
        """

    def take(
        self,
        person_id: str,
        taken: Collection[str],
        to: str = "",
        guard: FaceGuard | None = None,
        *,
        also_last: bool = False,
    ) -> None:
        """Take faces away from a person, all or none; with `to`, they become faces of that ID.

        With `also_last` the person may be left without a face.
        """

    def replace(self, person_id: str, old: str, new: str) -> None:
        """Take the face `old` away; the person's face `new` gets its id."""


@dataclass(frozen=True)
class Forgotten:
    """How much was removed of a person, by kind, and when (seconds since 1970)."""

    counts: Mapping[str, int]
    time: float


class Forgetting(Protocol):
    """Forgets people."""

    def forget(self, person_id: str) -> Forgotten | None:
        """Remove every trace of an ID; None if there is none."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some people's templates: for each model float32 (B, d), contiguous, and their lengths, float32 (B,).

    `counts` says how many source crops are behind each person's templates: int64 (B,), each 1 or more.
    """

    templates: Mapping[str, Floats]
    lengths: Mapping[str, Floats]
    counts: Counts

    def part(self, rows: slice) -> Block:
        """Return some of the people, without copying."""
        templates = {model: one[rows] for model, one in self.templates.items()}
        return Block(templates, {model: one[rows] for model, one in self.lengths.items()}, self.counts[rows])

    def arrays(self) -> list[npt.NDArray[Any]]:
        """Return all arrays; each has a row per person."""
        return [self.counts, *self.templates.values(), *self.lengths.values()]


class Candidates(Protocol):
    """People whom some faces may show, with their templates."""

    @property
    def ids(self) -> Sequence[str]:
        """The IDs of the P people."""

    @property
    def blocks(self) -> Sequence[Block]:
        """Their templates, in the order of `ids`."""


class Snapshot(Protocol):
    """Everybody enrolled, as of one moment or later."""

    @property
    def people(self) -> int:
        """How many people are enrolled."""

    def candidates(self, probes: Mapping[str, Floats], include: str) -> Candidates:
        """Return whoever may be closest to one of these faces, (n, d) per model, and the ID `include` where enrolled.

        Everybody, or so many that nobody who counts is left out. Raises `Refusal(VECTORS_DOWN)`.
        """

    def person(self, person_id: str) -> EnrolledFaces | None:
        """Every enrolled source crop's embedding of this person; None for a stranger."""


class Gallery(Protocol):
    """The embeddings of everybody enrolled."""

    def snapshot(self) -> Snapshot:
        """Return the gallery with every committed enrolment in it."""

    def delete_pickles(self) -> Mapping[str, Code]:
        """Delete the files of embeddings; they are derived data and come back from the source crops."""

    def rebuild(self) -> Mapping[str, Code]:
        """Write each model's embeddings anew; model name to code."""


UsersFaces = Mapping[str, EnrolledFaces]
"""The faces of a classifier's users, by name."""


@dataclass(frozen=True, eq=False)
class NewClassifier:
    """A trained classifier to store.

    `models` are the recognition models with the versions of their embeddings, in the order of the network's input;
    `faces` are the users' faces that it was trained on; `files` its files, `digests` their SHA-256 in hex.
    """

    models: Mapping[str, str]
    faces: UsersFaces
    files: Mapping[str, bytes]
    digests: Mapping[str, str]
    validation: Mapping[str, Any]

    @property
    def users(self) -> tuple[str, ...]:
        """The users, in the order of the network's classes."""
        return tuple(self.faces)


@dataclass(frozen=True, eq=False)
class ClassifierVersion(NewClassifier):
    """A stored classifier; versions count from 1. `created` is in seconds since 1970."""

    number: int = 0
    created: float = 0.0


@dataclass(frozen=True)
class ClassifierReport:
    """What a training made: the version's number, how many faces of each user are in it, and its validation."""

    number: int
    faces: Mapping[str, int]
    validation: Mapping[str, Any]


class ClassifierHomes(Protocol):
    """Where the classifiers of each key are stored."""

    def mark(self, home: str) -> str:
        """Return a text that changes whenever another version comes into use; empty where there is none."""

    def current(self, home: str) -> ClassifierVersion | None:
        """Return the version in use; None where there is none."""

    def add(self, home: str, new: NewClassifier, mark: str | None = None) -> int:
        """Store a version, whole or not at all, and use it from now on; return its number.

        Refuses with CONFLICT where the home's mark is not `mark` any more.
        """


class Classifiers(Protocol):
    """FaceHash: a classifier for each home, which is a key's."""

    def check_options(self, sent: Mapping[str, object]) -> None:
        """Refuse with VALUE_REFUSED or NO_STRANGERS what a training with these options would be refused with."""

    def users(self, home: str) -> UsersFaces:
        """Return each user's faces."""

    def chance(self, home: str, user: str, embeddings: Mapping[str, Floats]) -> tuple[float, float] | None:
        """Return how likely a face is this user, 0 to 1, and the network's seconds; None for an unknown user."""

    def train(
        self,
        home: str,
        change: Callable[[UsersFaces], UsersFaces],
        options: Mapping[str, object],
        progress: Callable[[float], None],
    ) -> ClassifierReport:
        """Train on the users' faces as `change` makes them of those in use, and use the result from then on.

        Refuses with CONFLICT, changing nothing, where another version came into use meanwhile.
        """
