"""What calls return: the fields of a reply's results, read-only, and the whole reply beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

T = TypeVar("T")


def pick(kind: type[T], results: Mapping[str, Any], /, **own: Any) -> T:
    """Return a dataclass of the keys that it has; others are left out, and missing ones keep their defaults."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{**{key: value for key, value in results.items() if key in known}, **own})


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A reply: its code and message, the whole results, and the id under which the server logged the request."""

    code: int
    message: str
    results: Mapping[str, Any]
    request_id: str = ""

    @property
    def stages(self) -> Sequence[Mapping[str, Any]]:
        """What each stage found, in order; empty where the server does not say."""
        return self.results.get("stages") or ()

    @property
    def advice(self) -> str:
        """What to do about a refusal; empty for a success."""
        return str(self.results.get("advice", ""))


R = TypeVar("R", bound=Reply)


def typed(kind: type[R], reply: Reply, /, **own: Any) -> R:
    """Return a reply as one of its kinds, with the results' fields beside it."""
    about = {"code": reply.code, "message": reply.message, "results": reply.results, "request_id": reply.request_id}
    return pick(kind, reply.results, **{**about, **own})


@dataclass(frozen=True, kw_only=True)
class Upload(Reply):
    """Which photos were kept. Scores are from 0 to 10; `errors` could not be read as photos."""

    upload_id: str
    scores: Mapping[str, float]
    saved: Sequence[str]
    rejected: Sequence[str]
    errors: Sequence[str]
    reasons: Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Enrolment(Reply):
    """What was enrolled. `left_out` are photos with their codes, `possible_duplicates` other IDs with this face."""

    mysql_id: int
    left_out: Mapping[str, int]
    possible_duplicates: Sequence[str | None]
    warnings: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict(Reply):
    """Whether the person is accepted; if not, `advice` says what to do.

    `fmr_at_score` is the share of strangers whose photos would have passed at this distance, None if not known.
    """

    accepted: bool
    name: str | None = None
    distance: float | None = None
    fmr_at_score: float | None = None
    calibrated: bool | None = None
    left_out: Mapping[str, int] | None = None
    spoof_photos: int | None = None
    warnings: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison(Reply):
    """Whether the photos show one person; at or under `threshold` they are accepted."""

    accepted: bool
    score: float | None = None
    threshold: float | None = None
    fmr_at_score: float | None = None
    calibrated: bool | None = None
    left_out: Mapping[str, int] | None = None
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Candidate:
    """Somebody who is enrolled, and how near the face is; lower is nearer."""

    id: str
    name: str | None
    score: float | None
    false_positive_rate: float | None
    accepted: bool


@dataclass(frozen=True)
class FoundFace:
    """A face, as (left, top, width, height) in pixels of the upright photo, and the nearest people."""

    file: str
    box: Sequence[int]
    threshold: float | None
    candidates: Sequence[Candidate]
    liveness: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class SearchResult(Reply):
    """The photos' faces with the nearest of `people` enrolled people."""

    faces: Sequence[FoundFace]
    people: int
    left_out: Mapping[str, int]
    calibrated: bool

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Read a reply of /search."""
        faces = [
            pick(FoundFace, face, candidates=[pick(Candidate, one) for one in face["candidates"]])
            for face in reply.results["faces"]
        ]
        return typed(cls, reply, faces=faces)


@dataclass(frozen=True)
class FacePhoto:
    """A photo with its score, 0 to 10, and its faces, largest first: `box`, `landmarks`, `confidence`, `embeddings`."""

    file: str
    score: float | None
    reasons: Sequence[Mapping[str, Any]]
    faces: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Faces(Reply):
    """The faces of photos."""

    photos: Sequence[FacePhoto]


class Embeddings(Faces):
    """The faces of photos with their embeddings by each model; only those of one `version` can be compared."""


@dataclass(frozen=True)
class Person:
    """Somebody who is enrolled."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class PeoplePage(Reply):
    """A page of people; `next` is the `after` of the next one, None on the last page."""

    people: Sequence[Person]
    next: str | None


@dataclass(frozen=True)
class EnrolledFace:
    """A face that somebody is enrolled with; `made` is in seconds since 1970."""

    face_id: str
    made: int


@dataclass(frozen=True, kw_only=True)
class PersonDetails(Reply):
    """A person and the faces, oldest first. Times are in seconds since 1970."""

    id: str
    name: str
    since: int | None
    consent: str | None
    retain_until: int | None
    faces: Sequence[EnrolledFace]


@dataclass(frozen=True, kw_only=True)
class Receipt(Reply):
    """Signed proof that a person was forgotten: `receipt` as the server signed it."""

    receipt: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Job(Reply):
    """Work under way. `progress` is from 0 to 1; `result` holds the ended work's code, message and results."""

    job: str
    kind: str = ""
    state: str = "running"
    progress: float = 0.0
    seconds: float | None = None
    result: Mapping[str, Any] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the result is still to come."""
        return self.state == "running"
