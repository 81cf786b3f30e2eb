"""The three endpoints."""

from datetime import date
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from api.openapi import Refused, Shape, Stage
from api.shapes.common import (
    EXAMPLE_ID,
    EXAMPLE_PNG,
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


class UploadQuery(Shape):
    """The query of /upload_imgs."""

    id: PersonId
    """Whom the photos show. Sent exactly once."""
    challenge: str | SkipJsonSchema[None] = Field(None, examples=["Jx0mUq6tYb7o"])
    """The nonce of /liveness/challenge that these photos answer."""


class PhotoFiles(Shape):
    """Photos as files, under any field names, several under one name."""

    photo: Files
    """JPEG, PNG, WebP, BMP, HEIC, AVIF, GIF or TIFF, recognised by content."""


class PhotosInJson(Shape):
    """Photos as base64 text, in any keys that begin with `image`."""

    images: Photos = Field(examples=[[EXAMPLE_PNG]])


class PhotosInForm(Shape):
    """Photos as base64 text, in any keys that begin with `image`; percent-encode + as %2B."""

    image_1: FormBase64


class Check(Shape):
    """What was measured of a photo."""

    check: str = Field(examples=["Sharpness"])
    value: float | None = Field(examples=[41.3])
    threshold: float | None = Field(examples=[24.0])
    passed: bool = Field(examples=[True])
    advice: str = Field(examples=["Nothing."])


class UploadSummary(Shape):
    """What became of each photo; photos go by the client's names."""

    upload_id: str = Field(examples=[EXAMPLE_UPLOAD])
    """What /upload_db and /verify take."""
    scores: dict[str, float] = Field(examples=[{"me.jpg": 9.873}])
    """0 to 10, higher is better."""
    saved: list[str] = Field(examples=[["me.jpg"]])
    rejected: list[str] = Field(examples=[[]])
    """Below SCORE_TOL."""
    errors: list[str] = Field(examples=[[]])
    """Not readable as a photo."""
    reasons: dict[str, list[Check]] = Field(examples=[{"me.jpg": [Check.example()]}])


class UploadResults(UploadSummary):
    """What became of each photo; photos go by the client's names."""

    folder_name: str = Field(examples=[EXAMPLE_UPLOAD])
    saved_as: dict[str, str] = Field(examples=[{"me.jpg": f"{EXAMPLE_UPLOAD}/0001.jpg"}])
    """The server's names, relative to UPLOAD_FOLDER."""
    stages: list[Stage]


class _Terms(Shape):
    consent: Consent | SkipJsonSchema[None] = None
    """A reference to the person's consent, kept until the person is forgotten."""
    retain_until: date | Literal[""] | SkipJsonSchema[None] = None
    """The last day (UTC) for which the person may be kept; afterwards the person is forgotten."""


class EnrolForm(_Terms):
    """The form of /upload_db: each key exactly once."""

    upload_id: str = Field(examples=[EXAMPLE_UPLOAD])
    name: Name
    delete_pickles: Flag = Field(examples=["false"])
    """Needs the scope `admin`."""
    rebuild_db: Flag = Field(examples=["false"])
    """Needs the scope `admin`."""
    in_place: Flag = Field(examples=["false"])
    """Replace what is enrolled under the ID; else these photos are added to it."""


class PickleMessage(Shape):
    """What became of the pickles: a message, and a code per file or model."""

    result: dict[str, str | int] = Field(examples=[{"message": "delete_pickles was false."}])


class SavedImages(Shape):
    """File names relative to DB_PATH."""

    main: list[str] = Field(examples=[["ada_lovelace-RECO_ID_000024/faces/407f63744da05f05c75d41bdf14c6157_01.png"]])
    aug: list[str] = Field(
        examples=[["ada_lovelace-RECO_ID_000024/augmented_imgs/407f63744da05f05c75d41bdf14c6157_01_01.png"]]
    )


class EnrolResults(Shape):
    """What was enrolled."""

    mysql_id: int = Field(examples=[1])
    """The row's primary key."""
    message_pickle: PickleMessage
    rebuilt_db: PickleMessage = Field(examples=[{"result": {"message": "rebuild_db was false."}}])
    resulting_imgs: SavedImages
    left_out: dict[str, int] = Field(examples=[{"blurred.jpg": 152}])
    """Photos that could not be used, each with its code."""
    possible_duplicates: list[str | None] = Field(examples=[[]])
    """Other IDs with this face; null in place of each ID unless the scope is `admin`."""
    warnings: list[str] | SkipJsonSchema[None] = None
    stages: list[Stage]


class VerifyForm(Shape):
    """The form of /verify: each key exactly once."""

    model_config = ConfigDict(json_schema_extra=NOT_BOTH_SKIPS)

    upload_id: str = Field(examples=[EXAMPLE_UPLOAD])
    skip_verify: Flag = Field(examples=["false"])
    """Skip the comparison with the ID; only the search decides. Not together with skip_db_search."""
    skip_db_search: Flag = Field(examples=["false"])
    """Skip the search among everybody."""
    skip_liveness: Flag = Field(examples=["false"])
    """Allowed as ALLOW_SKIP_LIVENESS says."""


class VerifyResults(Shape):
    """The person is who they say they are."""

    accepted: Literal[True]
    name: str | None = Field(examples=["Ada Lovelace"])
    distance: float = Field(examples=[0.1351])
    fmr_at_score: float | None = Field(examples=[2.7e-06])
    """How often an impostor's photos reach this distance; null where the model is not calibrated."""
    calibrated: bool = Field(examples=[True])
    left_out: dict[str, int] = Field(examples=[{}])
    """Photos that were not looked at, each with its code."""
    spoof_photos: int | SkipJsonSchema[None] = Field(None, examples=[0])
    warnings: list[str] | SkipJsonSchema[None] = None
    stages: list[Stage]


class VerifyRefused(Refused):
    """The person is not accepted."""

    accepted: Literal[False]


class VerifyQuery(Shape):
    """The query of /verify-photo."""

    model_config = ConfigDict(json_schema_extra=NOT_BOTH_SKIPS)

    id: PersonId
    """Whom the photos are said to show. Sent exactly once."""
    skip_verify: QueryFlag | SkipJsonSchema[None] = None
    skip_db_search: QueryFlag | SkipJsonSchema[None] = None
    skip_liveness: QueryFlag | SkipJsonSchema[None] = None
    challenge: str | SkipJsonSchema[None] = None
    """The nonce of /liveness/challenge that these photos answer."""


class _Faces(_Terms):
    name: Name | SkipJsonSchema[None] = Field(None, examples=["Ada Lovelace"])
    """Needed for a new person; without it, the name stays."""
    in_place: JsonFlag | SkipJsonSchema[None] = None
    """Replace what is enrolled; else these photos are added to it."""


class FacesFiles(_Faces, PhotoFiles):
    """Photos as files, and who they show."""


class FacesJson(_Faces, PhotosInJson):
    """Photos as base64 text, and who they show."""


class OneCallVerified(VerifyResults):
    """The person is who they say they are."""

    upload: UploadSummary


class OneCallEnrolled(EnrolResults):
    """What was enrolled."""

    upload: UploadSummary


class ChallengeForm(Shape):
    """Whom the challenge is for."""

    id: PersonId
    """Sent exactly once."""


class ChallengeResults(Shape):
    """What to do in front of the camera."""

    id: str = Field(examples=[EXAMPLE_ID])
    challenge: str = Field(examples=["Jx0mUq6tYb7o"])
    """The nonce: /upload_imgs?id=ID&challenge=NONCE answers it."""
    actions: list[str] = Field(examples=[["turn_left", "smile"]])
    """In this order."""
    expires_in_s: int = Field(examples=[180])
    instructions: str = Field(examples=["Take frames while you look straight ahead, then do each action."])
