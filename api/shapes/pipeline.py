"""The three endpoints."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Refused, Shape, Stage
from api.openapi.shapes import STAGE_EXAMPLE
from api.shapes.common import (
    EXAMPLE_ID,
    NOT_BOTH_SKIPS,
    Consent,
    Files,
    Flag,
    FormBase64,
    JsonFlag,
    Name,
    PersonId,
    Photos,
    QueryFlag,
)

EXAMPLE_UPLOAD = f"{EXAMPLE_ID}-cdb14bab722028d870ad785e528ac5df"
EXAMPLE_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
EXAMPLE_CHECK = {"check": "Sharpness", "value": 41.3, "threshold": 24.0, "passed": True, "advice": "Nothing."}


class UploadQuery(Shape):
    """The query of /upload_imgs."""

    example: ClassVar = {"id": EXAMPLE_ID, "challenge": "Jx0mUq6tYb7o"}

    id: PersonId
    """Whom the photos show. Sent exactly once."""
    challenge: str | SkipJsonSchema[None] = None
    """The nonce of /liveness/challenge that these photos answer."""


class PhotoFiles(Shape):
    """Photos as files, under any field names, several under one name."""

    encoding: ClassVar = {"photo": {"contentType": "image/*"}}

    photo: Files
    """JPEG, PNG, WebP, BMP, HEIC, AVIF, GIF or TIFF, recognised by content."""


class PhotosInJson(Shape):
    """Photos as base64 text, in any keys that begin with `image`."""

    example: ClassVar = {"images": [EXAMPLE_PNG]}

    images: Photos


class PhotosInForm(Shape):
    """Photos as base64 text, in any keys that begin with `image`; percent-encode + as %2B."""

    example: ClassVar = {"image_1": EXAMPLE_PNG}

    image_1: FormBase64


class Check(Shape):
    """What was measured of a photo."""

    check: str
    value: float | None
    threshold: float | None
    passed: bool
    advice: str


class UploadResults(Shape):
    """What became of each photo; photos go by the client's names."""

    example: ClassVar = {
        "upload_id": EXAMPLE_UPLOAD,
        "folder_name": EXAMPLE_UPLOAD,
        "scores": {"me.jpg": 9.873},
        "saved": ["me.jpg"],
        "rejected": [],
        "errors": [],
        "saved_as": {"me.jpg": f"{EXAMPLE_UPLOAD}/0001.jpg"},
        "reasons": {"me.jpg": [EXAMPLE_CHECK]},
        "stages": [STAGE_EXAMPLE],
    }

    upload_id: str
    """What /upload_db and /verify take."""
    folder_name: str
    scores: dict[str, float]
    """0 to 10, higher is better."""
    saved: list[str]
    rejected: list[str]
    """Below SCORE_TOL."""
    errors: list[str]
    """Not readable as a photo."""
    saved_as: dict[str, str]
    """The server's names, relative to UPLOAD_FOLDER."""
    reasons: dict[str, list[Check]]
    stages: list[Stage]


class EnrolForm(Shape):
    """The form of /upload_db: each key exactly once."""

    example: ClassVar = {
        "upload_id": EXAMPLE_UPLOAD,
        "name": "Ada Lovelace",
        "delete_pickles": "false",
        "rebuild_db": "false",
        "in_place": "false",
    }

    upload_id: str
    name: Name
    delete_pickles: Flag
    """Needs the scope `admin`."""
    rebuild_db: Flag
    """Needs the scope `admin`."""
    in_place: Flag
    """Replace what is enrolled under the ID; else these photos are added to it."""
    consent: Consent | SkipJsonSchema[None] = None
    """A reference to the person's consent, kept until the person is forgotten."""
    retain_until: date | Literal[""] | SkipJsonSchema[None] = None
    """The last day (UTC) for which the person may be kept; afterwards the person is forgotten."""


class PickleMessage(Shape):
    """What became of the pickles: a message, and a code per file or model."""

    result: dict[str, str | int]


class SavedImages(Shape):
    """File names relative to DB_PATH."""

    main: list[str]
    aug: list[str]


class EnrolResults(Shape):
    """What was enrolled."""

    example: ClassVar = {
        "mysql_id": 1,
        "message_pickle": {"result": {"message": "delete_pickles was false."}},
        "rebuilt_db": {"result": {"message": "rebuild_db was false."}},
        "resulting_imgs": {
            "main": [f"ada_lovelace-{EXAMPLE_ID}/faces/407f63744da05f05c75d41bdf14c6157_01.png"],
            "aug": [f"ada_lovelace-{EXAMPLE_ID}/augmented_imgs/407f63744da05f05c75d41bdf14c6157_01_01.png"],
        },
        "left_out": {"blurred.jpg": 152},
        "possible_duplicates": [],
        "stages": [STAGE_EXAMPLE],
    }

    mysql_id: int
    """The row's primary key."""
    message_pickle: PickleMessage
    rebuilt_db: PickleMessage
    resulting_imgs: SavedImages
    left_out: dict[str, int]
    """Photos that could not be used, each with its code."""
    possible_duplicates: list[str | None]
    """Other IDs with this face; null in place of each ID unless the scope is `admin`."""
    warnings: list[str] | SkipJsonSchema[None] = None
    stages: list[Stage]


class VerifyForm(Shape):
    """The form of /verify: each key exactly once."""

    model_config = ConfigDict(json_schema_extra=NOT_BOTH_SKIPS)

    example: ClassVar = {
        "upload_id": EXAMPLE_UPLOAD,
        "skip_verify": "false",
        "skip_db_search": "false",
        "skip_liveness": "false",
    }

    upload_id: str
    skip_verify: Flag
    """Skip the comparison with the ID; only the search decides. Not together with skip_db_search."""
    skip_db_search: Flag
    """Skip the search among everybody."""
    skip_liveness: Flag
    """Allowed as ALLOW_SKIP_LIVENESS says."""


class VerifyResults(Shape):
    """The person is who they say they are."""

    example: ClassVar = {
        "accepted": True,
        "name": "Ada Lovelace",
        "distance": 0.1351,
        "fmr_at_score": 2.7e-06,
        "calibrated": True,
        "left_out": {},
        "spoof_photos": 0,
        "stages": [STAGE_EXAMPLE],
    }

    accepted: Literal[True]
    name: str | None
    distance: float
    fmr_at_score: float | None
    """How often an impostor's photos reach this distance; null where the model is not calibrated."""
    calibrated: bool
    left_out: dict[str, int]
    """Photos that were not looked at, each with its code."""
    spoof_photos: int | SkipJsonSchema[None] = None
    warnings: list[str] | SkipJsonSchema[None] = None
    stages: list[Stage]


class VerifyRefused(Refused):
    """The person is not accepted."""

    example: ClassVar[Any] = {"accepted": False}

    accepted: Literal[False]


class VerifyQuery(Shape):
    """The query of /verify-photo."""

    model_config = ConfigDict(json_schema_extra=NOT_BOTH_SKIPS)

    example: ClassVar = {"id": EXAMPLE_ID}

    id: PersonId
    """Whom the photos are said to show. Sent exactly once."""
    skip_verify: QueryFlag | SkipJsonSchema[None] = None
    skip_db_search: QueryFlag | SkipJsonSchema[None] = None
    skip_liveness: QueryFlag | SkipJsonSchema[None] = None
    challenge: str | SkipJsonSchema[None] = None
    """The nonce of /liveness/challenge that these photos answer."""


class FacesFiles(PhotoFiles):
    """Photos as files, and who they show."""

    name: Name | SkipJsonSchema[None] = None
    """Needed for a new person; without it, the name stays."""
    in_place: QueryFlag | SkipJsonSchema[None] = None
    """Replace what is enrolled; else these photos are added to it."""
    consent: Consent | SkipJsonSchema[None] = None
    """A reference to the person's consent."""
    retain_until: date | Literal[""] | SkipJsonSchema[None] = None
    """The last day (UTC) for which the person may be kept."""


class FacesJson(PhotosInJson):
    """Photos as base64 text, and who they show."""

    example: ClassVar = {"name": "Ada Lovelace", "images": [EXAMPLE_PNG]}

    name: Name | SkipJsonSchema[None] = None
    in_place: JsonFlag | SkipJsonSchema[None] = None
    consent: Consent | SkipJsonSchema[None] = None
    retain_until: date | Literal[""] | SkipJsonSchema[None] = None


class UploadSummary(Shape):
    """What became of each photo; see /upload_imgs."""

    upload_id: str
    scores: dict[str, float]
    saved: list[str]
    rejected: list[str]
    errors: list[str]
    reasons: dict[str, list[Check]]


_UPLOAD = {key: UploadResults.example[key] for key in UploadSummary.model_fields}


class OneCallVerified(VerifyResults):
    """The person is who they say they are."""

    example: ClassVar = {**VerifyResults.example, "upload": _UPLOAD}

    upload: UploadSummary


class OneCallEnrolled(EnrolResults):
    """What was enrolled."""

    example: ClassVar = {**EnrolResults.example, "upload": _UPLOAD}

    upload: UploadSummary
