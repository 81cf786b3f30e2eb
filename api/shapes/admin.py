"""The operator's side."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Shape
from api.shapes.common import EXAMPLE_ID, PersonId
from api.shapes.ops import CodeEntry
from api.shapes.people import PersonRow


class SignInJson(Shape):
    """The password of the operator's side."""

    password: str = Field(examples=["the SUPER_PASSWORD of .env"])


class SessionResults(Shape):
    """Whether the caller is signed in."""

    signed_in: bool = Field(examples=[True])
    csrf: str | SkipJsonSchema[None] = Field(None, examples=["Zt0Kc2vQm1"])
    """To be sent as X-CSRF-Token with every change."""
    idle_minutes: int | SkipJsonSchema[None] = Field(None, examples=[15])
    """After so many minutes without a request the session ends."""
    closed: str | None = None
    """Why nobody can sign in, null where one can."""


class Setting(Shape):
    """A key of `.env`. A fault of the file itself has `key` and `fault` alone."""

    key: str = Field(examples=["VER_TOL"])
    fault: str | None
    """What is wrong, null where nothing is."""
    meaning: str | SkipJsonSchema[None] = None
    accepted: str | SkipJsonSchema[None] = None
    default: str | None = None
    value: str | None = Field(None, examples=["2"])
    """Null for a secret, and for a value that is wrong."""
    set: bool | SkipJsonSchema[None] = Field(None, examples=[True])
    """Whether the file has the key."""
    secret: bool | SkipJsonSchema[None] = Field(None, examples=[False])


class SettingsResults(Shape):
    """Every setting."""

    settings: list[Setting]


class ModelsResults(Shape):
    """Which models decide, with hash, licence, calibration and thresholds."""

    recognition: list[dict[str, Any]] = Field(
        examples=[[{"name": "SFace", "licence": "Apache-2.0", "threshold": 0.61}]]
    )
    liveness: list[dict[str, Any]] = Field(
        examples=[[{"name": "cnn", "licence": "MIT", "files": [{"file": "liveness_best.h5", "sha256": "37de8b"}]}]]
    )
    liveness_reaches: dict[str, float] = Field(examples=[{}])
    """Measured error rates, 0 to 1."""
    calibration: dict[str, Any] = Field(
        examples=[{"calibrated": True, "false_match_rate": 0.001, "photos_needed": 2, "threshold": 0.4}]
    )


class HealthResults(Shape):
    """Whether requests can be served now, and what is missing, with the code that a request gets."""

    ready: bool = Field(examples=[True])
    lacking: dict[str, int] = Field(examples=[{}])
    people: int | None = Field(examples=[133])
    """Enrolled people, null while that cannot be told."""
    counted_since: float = Field(examples=[1764200000.0])
    """When the counts began, in seconds since 1970."""


class Key(Shape):
    """An API key, without its text."""

    key_id: str = Field(examples=["1f2e3d4c"])
    label: str = Field(examples=["Bank"])
    scopes: list[str] = Field(examples=[["verify"]])
    created: int = Field(examples=[1764200000])
    expires: int | None
    revoked: int | None
    state: Literal["valid", "expired", "revoked"] = Field(examples=["valid"])


class KeysResults(Shape):
    """All keys that were ever made, and the scopes that there are."""

    keys: list[Key]
    scopes: list[str] = Field(examples=[["verify", "admin"]])


class NewKeyJson(Shape):
    """A key to be made."""

    label: Annotated[str, Field(min_length=1, max_length=100, examples=["Bank"])]
    scopes: list[str] = Field(examples=[["verify"]])
    days: Annotated[int, Field(ge=0, le=36_500, examples=[365])]
    """Days until it ends, 0 for never."""


class NewKeyResults(Key):
    """The key that was made."""

    key: str = Field(examples=["faceapp_..."])
    """Its text, shown this once."""


class RevokedResults(Shape):
    """The key that was revoked."""

    key_id: str = Field(examples=["1f2e3d4c"])


class PeopleQuery(Shape):
    """Whom to look for."""

    text: str | None = None
    """A part of the ID or of the name."""


class PeopleResults(Shape):
    """The first people that were found, by ID."""

    people: list[PersonRow]
    more: bool = Field(examples=[False])
    """Whether there are more than are listed."""
    count: int | None = Field(examples=[1])
    """Everybody who is enrolled, null while that cannot be told."""


class PersonResults(PersonRow):
    """What is stored of a person."""

    row: int = Field(examples=[1])
    """The row's primary key."""
    folder: str = Field(examples=[f"ada_lovelace-{EXAMPLE_ID}"])
    folder_exists: bool = Field(examples=[True])
    pseudonym: str = Field(examples=["93c1f0aa5be21d47"])
    """What logs call the person."""
    same_as: list[str] = Field(examples=[[]])
    """Other IDs of the same person."""
    enrolments: list[dict[str, int]] = Field(examples=[[{"made": 1764200000, "photos": 3}]])
    faces: int = Field(examples=[3])
    """Enrolled faces, each a picture."""
    uploads: int = Field(examples=[1])
    uploaded_photos: int = Field(examples=[3])


class UploadsResults(Shape):
    """How many uploads there are, and the newest; times are in seconds since 1970."""

    count: int = Field(examples=[1])
    newest: list[dict[str, Any]] = Field(
        examples=[[{"person_id": EXAMPLE_ID, "mark": "3f09ac", "made": 1.0, "ends": 86401.0, "photos": 2}]]
    )
    """`mark` is the beginning of the unguessable part of the upload_id; `person_id` is null where files are sealed."""


class SeenRequest(Shape):
    """A request that was answered. `when` is in seconds since 1970."""

    request_id: str = Field(examples=["4be21f0c"])
    when: float = Field(examples=[1764200000.0])
    method: str = Field(examples=["POST"])
    endpoint: str = Field(examples=["/verify"])
    code: int = Field(examples=[560])
    milliseconds: float = Field(examples=[412.0])
    key_id: str = Field(examples=["1f2e3d4c"])
    """Empty where no key was used."""
    person: str = Field(examples=["93c1f0aa5be21d47"])
    """A pseudonym, empty where the request was about nobody."""
    stages: list[dict[str, Any]] | SkipJsonSchema[None] = Field(None, examples=[[]])
    """The ledger, without file names."""


class RequestsQuery(Shape):
    """Which of the last requests."""

    code: int | None = None
    person: str | None = None
    """A pseudonym."""
    request_id: str | None = None
    """A part of the id."""


class RequestsResults(Shape):
    """The last requests, the newest first."""

    requests: list[SeenRequest]
    count: int = Field(examples=[1])


class RequestResults(Shape):
    """All that is known of a request."""

    requests: list[SeenRequest]
    """Several where callers used an id again."""
    codes: list[CodeEntry]
    log: list[str] = Field(
        examples=[["INFO --- 2026-11-26T18:20:11.482+00:00 --- 4be21f0c --- POST pipeline.verify: code 560 in 412 ms"]]
    )


class CountsResults(Shape):
    """How often each code was the answer since the process started, by hour and today (UTC)."""

    since: float = Field(examples=[1764200000.0])
    hours: list[dict[str, Any]] = Field(examples=[[{"begins": 1764198000, "counts": {"630": 2}}]])
    today: dict[str, int] = Field(examples=[{"630": 2}])
    codes: dict[str, CodeEntry] = Field(examples=[{"630": CodeEntry.example()}])


class LatencyResults(Shape):
    """Milliseconds of each stage in the last requests."""

    latency: list[dict[str, Any]] = Field(
        examples=[[{"stage": "detect", "runs": 12, "median": 31.0, "p95": 50.2, "most": 61.0}]]
    )


class LogQuery(Shape):
    """Which lines of the log."""

    request_id: str | None = None
    """All lines of this request, else the last ones."""


class LogResults(Shape):
    """Lines of the log, the newest last."""

    lines: list[str] = Field(examples=[["INFO --- 2026-11-26T18:20:11.482+00:00 --- - --- stopping"]])


class JobsResults(Shape):
    """The jobs of this process, the newest first; `code` is null while a job runs, times are in seconds since 1970."""

    jobs: list[dict[str, Any]] = Field(
        examples=[[{"kind": "train", "state": "done", "progress": 1.0, "seconds": 8.1, "started": 1, "code": 101}]]
    )


class KnownCodesResults(Shape):
    """Every code, with `today` counted."""

    codes: list[CodeEntry]


class FacePath(Shape):
    """Which of a person's enrolled faces."""

    person_id: PersonId
    """The person's ID."""
    number: Annotated[int, Field(ge=0, examples=[0])]
    """Its place among them, from 0."""
