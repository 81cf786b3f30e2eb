"""The operator's side."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import EXAMPLE_ID, PersonPath
from api.shapes.ops import CodeEntry


class SignInJson(Shape):
    """The password of the operator's side."""

    example: ClassVar = {"password": "the SUPER_PASSWORD of .env"}

    password: str


class SessionResults(Shape):
    """Whether the caller is signed in."""

    example: ClassVar = {"signed_in": True, "csrf": "Zt0Kc2vQm1", "idle_minutes": 15}

    signed_in: bool
    csrf: str | SkipJsonSchema[None] = None
    """To be sent as X-CSRF-Token with every change."""
    idle_minutes: int | SkipJsonSchema[None] = None
    """After so many minutes without a request the session ends."""
    closed: str | None = None
    """Why nobody can sign in, null where one can."""


class Setting(Shape):
    """A key of `.env`. A fault of the file itself has `key` and `fault` alone."""

    key: str
    fault: str | None
    """What is wrong, null where nothing is."""
    meaning: str | SkipJsonSchema[None] = None
    accepted: str | SkipJsonSchema[None] = None
    default: str | None = None
    value: str | None = None
    """Null for a secret, and for a value that is wrong."""
    set: bool | SkipJsonSchema[None] = None
    """Whether the file has the key."""
    secret: bool | SkipJsonSchema[None] = None


class SettingsResults(Shape):
    """Every setting."""

    example: ClassVar = {"settings": [{"key": "VER_TOL", "fault": None, "value": "2", "set": True, "secret": False}]}

    settings: list[Setting]


class ModelsResults(Shape):
    """Which models decide, with hash, licence, calibration and thresholds."""

    example: ClassVar = {
        "recognition": [{"name": "SFace", "licence": "Apache-2.0", "threshold": 0.61}],
        "liveness": [{"name": "cnn", "licence": "MIT", "files": [{"file": "liveness_best.h5", "sha256": "37de8b"}]}],
        "liveness_reaches": {},
        "calibration": {"calibrated": True, "false_match_rate": 1e-3, "photos_needed": 2, "threshold": 0.4},
    }

    recognition: list[dict[str, Any]]
    liveness: list[dict[str, Any]]
    liveness_reaches: dict[str, float]
    """Measured error rates, 0 to 1."""
    calibration: dict[str, Any]


class HealthResults(Shape):
    """Whether requests can be served now, and what is missing, with the code that a request gets."""

    example: ClassVar = {"ready": True, "lacking": {}, "people": 133, "counted_since": 1764200000.0}

    ready: bool
    lacking: dict[str, int]
    people: int | None
    """Enrolled people, null while that cannot be told."""
    counted_since: float
    """When the counts began, in seconds since 1970."""


class Key(Shape):
    """An API key, without its text."""

    key_id: str
    label: str
    scopes: list[str]
    created: int
    expires: int | None
    revoked: int | None
    state: Literal["valid", "expired", "revoked"]


_KEY = {"key_id": "1f2e3d4c", "label": "Bank", "scopes": ["verify"], "created": 1764200000, "state": "valid"}


class KeysResults(Shape):
    """All keys that were ever made, and the scopes that there are."""

    example: ClassVar = {"keys": [{**_KEY, "expires": None, "revoked": None}], "scopes": ["verify", "admin"]}

    keys: list[Key]
    scopes: list[str]


class NewKeyJson(Shape):
    """A key to be made."""

    example: ClassVar = {"label": "Bank", "scopes": ["verify"], "days": 365}

    label: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: list[str]
    days: Annotated[int, Field(ge=0, le=36_500)]
    """Days until it ends, 0 for never."""


class NewKeyResults(Key):
    """The key that was made."""

    example: ClassVar = {**_KEY, "expires": None, "revoked": None, "key": "faceapp_..."}

    key: str
    """Its text, shown this once."""


class KeyPath(Shape):
    """Which key."""

    example: ClassVar = {"key_id": "1f2e3d4c"}

    key_id: str


class RevokedResults(KeyPath):
    """The key that was revoked."""


class PeopleQuery(Shape):
    """Whom to look for."""

    text: str | None = None
    """A part of the ID or of the name."""


class FoundPerson(Shape):
    """A person."""

    id: str
    name: str


class PeopleResults(Shape):
    """The first people that were found, by ID."""

    example: ClassVar = {"people": [{"id": EXAMPLE_ID, "name": "Ada Lovelace"}], "more": False, "count": 1}

    people: list[FoundPerson]
    more: bool
    """Whether there are more than are listed."""
    count: int | None
    """Everybody who is enrolled, null while that cannot be told."""


class PersonResults(FoundPerson):
    """What is stored of a person."""

    example: ClassVar = {
        "id": EXAMPLE_ID, "name": "Ada Lovelace", "row": 1, "folder": f"ada_lovelace-{EXAMPLE_ID}",
        "folder_exists": True, "pseudonym": "93c1f0aa5be21d47", "same_as": [],
        "enrolments": [{"made": 1764200000, "photos": 3}],
        "faces": 3, "uploads": 1, "uploaded_photos": 3,
    }  # fmt: skip

    row: int
    """The row's primary key."""
    folder: str
    folder_exists: bool
    pseudonym: str
    """What logs call the person."""
    same_as: list[str]
    """Other IDs of the same person."""
    enrolments: list[dict[str, int]]
    faces: int
    """Enrolled faces, each a picture."""
    uploads: int
    uploaded_photos: int


class UploadsResults(Shape):
    """How many uploads there are, and the newest; times are in seconds since 1970."""

    example: ClassVar = {
        "count": 1,
        "newest": [
            {"person_id": EXAMPLE_ID, "mark": "3f09ac", "made": 1.0, "ends": 86401.0, "is_enrolled": False, "photos": 2}
        ],
    }

    count: int
    newest: list[dict[str, Any]]
    """`mark` is the beginning of the unguessable part of the upload_id; `person_id` is null where files are sealed."""


class SeenRequest(Shape):
    """A request that was answered. `when` is in seconds since 1970."""

    request_id: str
    when: float
    method: str
    endpoint: str
    code: int
    milliseconds: float
    key_id: str
    """Empty where no key was used."""
    person: str
    """A pseudonym, empty where the request was about nobody."""
    stages: list[dict[str, Any]] | SkipJsonSchema[None] = None
    """The ledger, without file names."""


_SEEN = {
    "request_id": "4be21f0c", "when": 1764200000.0, "method": "POST", "endpoint": "/verify", "code": 560,
    "milliseconds": 412.0, "key_id": "1f2e3d4c", "person": "93c1f0aa5be21d47",
}  # fmt: skip


class RequestsQuery(Shape):
    """Which of the last requests."""

    code: int | None = None
    person: str | None = None
    """A pseudonym."""
    request_id: str | None = None
    """A part of the id."""


class RequestsResults(Shape):
    """The last requests, the newest first."""

    example: ClassVar = {"requests": [_SEEN], "count": 1}

    requests: list[SeenRequest]
    count: int


class RequestPath(Shape):
    """Which request."""

    example: ClassVar = {"request_id": "4be21f0c"}

    request_id: str


class RequestResults(Shape):
    """All that is known of a request."""

    example: ClassVar = {
        "requests": [{**_SEEN, "stages": []}],
        "codes": [CodeEntry.example],
        "log": ["INFO --- 2026-11-26T18:20:11.482+00:00 --- 4be21f0c --- POST pipeline.verify: code 560 in 412 ms"],
    }

    requests: list[SeenRequest]
    """Several where callers used an id again."""
    codes: list[CodeEntry]
    log: list[str]


class CountsResults(Shape):
    """How often each code was the answer since the process started, by hour and today (UTC)."""

    example: ClassVar = {
        "since": 1764200000.0,
        "hours": [{"begins": 1764198000, "counts": {"630": 2}}],
        "today": {"630": 2},
        "codes": {"630": CodeEntry.example},
    }

    since: float
    hours: list[dict[str, Any]]
    today: dict[str, int]
    codes: dict[str, CodeEntry]


class LatencyResults(Shape):
    """Milliseconds of each stage in the last requests."""

    example: ClassVar = {"latency": [{"stage": "detect", "runs": 12, "median": 31.0, "p95": 50.2, "most": 61.0}]}

    latency: list[dict[str, Any]]


class LogQuery(Shape):
    """Which lines of the log."""

    request_id: str | None = None
    """All lines of this request, else the last ones."""


class LogResults(Shape):
    """Lines of the log, the newest last."""

    example: ClassVar = {"lines": ["INFO --- 2026-11-26T18:20:11.482+00:00 --- - --- stopping"]}

    lines: list[str]


class JobsResults(Shape):
    """The jobs of this process, the newest first; `code` is null while a job runs, times are in seconds since 1970."""

    example: ClassVar = {
        "jobs": [
            {"kind": "train", "state": "done", "progress": 1.0, "seconds": 8.1, "owner": "", "started": 1, "code": 101}
        ]
    }

    jobs: list[dict[str, Any]]


class KnownCodesResults(Shape):
    """Every code, with `today` counted."""

    example: ClassVar = {"codes": [CodeEntry.example]}

    codes: list[CodeEntry]


class FacePath(PersonPath):
    """Which of a person's enrolled faces."""

    example: ClassVar = {**PersonPath.example, "number": 0}

    number: Annotated[int, Field(ge=0)]
    """Its place among them, from 0."""
