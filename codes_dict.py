"""Every number that the server answers with: the one place where codes are defined.

A `Code` is what a reply carries. Success leaves a flow as an `Outcome`, everything else as a raised `Refusal`;
nothing else carries a number, and nothing branches on one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, unique
from types import MappingProxyType
from typing import Any


class Kind(Enum):
    """What a code says about who has to act."""

    SUCCESS = "success"
    VERDICT = "verdict"
    CALLER = "caller"
    SERVER = "server"
    DETAIL = "detail"
    """Appears inside results, never as a reply's own code."""


@unique
class Code(IntEnum):
    """A numeric code with its message, HTTP status, kind and advice.

    `message` is a published interface: integrators match on it, so it changes only with a major version.
    """

    message: str
    status: int
    kind: Kind
    caller_does: str
    operator_does: str

    def __new__(cls, number: int, message: str, status: int, kind: Kind, caller_does: str, operator_does: str) -> Code:
        """Build a member whose integer value is `number`."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.message, member.status, member.kind = message, status, kind
        member.caller_does, member.operator_does = caller_does, operator_does
        return member

    # -- the request ---------------------------------------------------------------------------------------
    BAD_FORM = (
        107,
        "Endpoint request needs to be www-form-urlencoded, or form is empty.",
        400,
        Kind.CALLER,
        "Send Content-Type: application/x-www-form-urlencoded with the endpoint's keys.",
        "Nothing.",
    )
    BAD_ENROL_KEYS = (
        108,
        "Acceptable upload_db endpoint www-form-urlencoded keys: upload_id, name, delete_pickles, "
        "rebuild_db, in_place.",
        400,
        Kind.CALLER,
        "Send each key exactly once; the flags are true or false.",
        "Nothing.",
    )
    BAD_VERIFY_KEYS = (
        109,
        "Acceptable verify endpoint www-form-urlencoded keys: upload_id, skip_verify, skip_db_search, skip_liveness.",
        400,
        Kind.CALLER,
        "Send each key exactly once; the flags are true or false.",
        "Nothing.",
    )
    NO_ID = (
        110,
        "No args provided for upload_imgs endpoint, or id arg must be provided through upload_imgs?id=",
        400,
        Kind.CALLER,
        "Put one id into the query: /upload_imgs?id=ID.",
        "Nothing.",
    )
    NO_FILES = (
        117,
        "Length of uploaded files was zero.",
        400,
        Kind.CALLER,
        "Send at least one photo as multipart form-data.",
        "Nothing.",
    )
    BAD_NAME = (
        128,
        "The name is empty, longer than 200 characters, or has control characters.",
        400,
        Kind.CALLER,
        "Send a name of 1 to 200 printable characters.",
        "Nothing.",
    )
    BOTH_SKIPS = (
        143,
        "Both skip_verify and skip_db_search set to True. One must be False.",
        400,
        Kind.CALLER,
        "Leave at least one of the two on false.",
        "Nothing.",
    )
    BAD_BASE64 = (
        193,
        "There was a problem with base64 string.",
        400,
        Kind.CALLER,
        "Encode each image's bytes with standard base64.",
        "Nothing.",
    )
    ID_MATCHED = (
        126,
        "Regex matched ID.",
        200,
        Kind.DETAIL,
        "Nothing.",
        "Nothing.",
    )
    ID_NOT_MATCHED = (
        127,
        "Regex didn't match ID.",
        400,
        Kind.CALLER,
        "Use an ID of the form that the operator has set: up to 64 letters, digits, dots, dashes and underscores.",
        "Check ID_REGEX.",
    )
    # -- the upload ----------------------------------------------------------------------------------------
    UPLOADED = (
        119,
        "Files uploaded successfully.",
        200,
        Kind.SUCCESS,
        "Go on with upload_id: /upload_db enrols the photos, /verify verifies them.",
        "Nothing.",
    )
    ALL_REJECTED = (
        120,
        "All the files were rejected due to not meeting score criteria.",
        200,
        Kind.VERDICT,
        "Take new photos; reasons says what to change in each.",
        "If good photos are refused, lower SCORE_TOL.",
    )
    UPLOAD_GONE = (
        189,
        "Folder already uploaded to DB. Can't verify to upload again. Or it does not exist at all!",
        404,
        Kind.CALLER,
        "Upload the photos again and use the new upload_id.",
        "Nothing.",
    )
    NO_IMAGES = (
        111,
        "Length of img_paths is zero.",
        503,
        Kind.SERVER,
        "Upload the photos again.",
        "The upload's files were removed from UPLOAD_FOLDER: find out by what.",
    )
    IMAGE_MISSING = (
        153,
        "At least one of the images doesn't exist. Consult log.",
        503,
        Kind.SERVER,
        "Upload the photos again.",
        "The log names the missing files: find out what removes them from UPLOAD_FOLDER.",
    )
    # -- faces and liveness --------------------------------------------------------------------------------
    NO_FACE = (
        630,
        "Could not detect a face in any of the images.",
        200,
        Kind.VERDICT,
        "Send photos that show the face from the front, large and well lit.",
        "Nothing.",
    )
    NO_SINGLE_FACE = (
        152,
        "Failed to detect face in any of the images or all contained more than one face.",
        200,
        Kind.VERDICT,
        "Send photos that show this one person alone.",
        "Nothing.",
    )
    NO_LIVENESS = (
        178,
        "Problem loading liveness detection model. Check your URL.",
        503,
        Kind.SERVER,
        "Try again later.",
        "The log says why: put the model at MODEL_PATH/MODEL_NAME, check MODEL_URL, and its SHA-256 in the card or "
        "MODEL_SHA256.",
    )
    ALL_SPOOF = (
        560,
        "All faces were spoof.",
        200,
        Kind.VERDICT,
        "Take the photo of the person directly, not of a screen or of a print.",
        "Nothing.",
    )
    NONE_LIVE = (
        561,
        "No face could be judged live.",
        200,
        Kind.VERDICT,
        "Take new photos in even light, the whole head in the frame with some space around it.",
        "Nothing.",
    )
    USED_BEFORE = (
        562,
        "The photos were used before.",
        200,
        Kind.VERDICT,
        "Take new photos: each counts once, and an enrolled one never verifies its person.",
        "REPLAY_POLICY=warn lets used photos pass with a note, off does not look; see docs/replay.md.",
    )
    SKIP_NOT_ALLOWED = (
        563,
        "skip_liveness is not allowed here.",
        403,
        Kind.CALLER,
        "Send skip_liveness=false.",
        "ALLOW_SKIP_LIVENESS=true lets callers go without liveness; never set it where strangers can call.",
    )
    CHALLENGE_MISSING = (
        570,
        "There is no challenge.",
        200,
        Kind.VERDICT,
        "Ask /liveness/challenge for one, and send its frames with /upload_imgs?id=ID&challenge=NONCE.",
        "REQUIRE_CHALLENGE=true makes /verify insist on one.",
    )
    CHALLENGE_EXPIRED = (
        571,
        "The challenge has expired.",
        200,
        Kind.VERDICT,
        "Ask for a new challenge and answer it within three minutes.",
        "Where several servers share one database, check their clocks.",
    )
    CHALLENGE_REUSED = (
        572,
        "The challenge was answered before.",
        200,
        Kind.VERDICT,
        "Ask for a new challenge: each takes one answer, a failed one too.",
        "Nothing.",
    )
    CHALLENGE_FOREIGN = (
        573,
        "The challenge was not given to this ID.",
        200,
        Kind.VERDICT,
        "Use the challenge that /liveness/challenge gave for this very ID.",
        "Nothing.",
    )
    CHALLENGE_FAILED = (
        574,
        "The frames do not show what the challenge asked for.",
        200,
        Kind.VERDICT,
        "Ask for a new challenge; look straight ahead first and before every turn, turn the head clearly, stay in the "
        "frame alone, and do not mirror the frames.",
        "Nothing.",
    )
    # -- enrolment -----------------------------------------------------------------------------------------
    ENROLLED = (
        800,
        "ID successfully inserted to db.",
        200,
        Kind.SUCCESS,
        "Nothing.",
        "Nothing.",
    )
    ENROLLED_NEEDLESS_IN_PLACE = (
        838,
        "ID successfully inserted into DB. in_place was needlessly enabled.",
        200,
        Kind.SUCCESS,
        "Nothing.",
        "Nothing.",
    )
    ENROLLED_ADDED = (
        850,
        "ID successfully inserted to db. in_place was disabled, so the files were added to the previous ones.",
        200,
        Kind.SUCCESS,
        "Nothing.",
        "Nothing.",
    )
    ENROLLED_REPLACED = (
        900,
        "ID already exists in db and in_place was set to true. Folder deleted and DB path replaced.",
        200,
        Kind.SUCCESS,
        "Nothing.",
        "Nothing.",
    )
    DIFFERENT_PEOPLE = (
        852,
        "The faces are not one person, or not the person enrolled under this ID.",
        200,
        Kind.VERDICT,
        "Send photos of one person alone, the one whom the ID names.",
        "Replacing a person by somebody else is refused; results names the photos that do not fit.",
    )
    BELONGS_TO_OTHER = (
        853,
        "The face belongs to another ID.",
        200,
        Kind.VERDICT,
        "Use the ID under which this person is enrolled.",
        "possible_duplicates names the IDs; DUPLICATE_POLICY=warn lets such enrolments pass.",
    )
    INSERT_FAILED = (
        150,
        "Insert into MySQL failed. Please check your settings.",
        503,
        Kind.SERVER,
        "Try again later.",
        "The log says why: most often a column is too narrow (the ID wants VARCHAR(64)) or the user may not write.",
    )
    # -- verification --------------------------------------------------------------------------------------
    VERIFIED = (
        200,
        "Image successfully verified.",
        200,
        Kind.VERDICT,
        "Nothing.",
        "Nothing.",
    )
    FOUND = (
        134,
        "After a search in the DB, the ID matched with what was found.",
        200,
        Kind.VERDICT,
        "Nothing.",
        "Nothing.",
    )
    FOUND_OTHER = (
        100,
        "None of the matching IDs in the DB matched what was given.",
        200,
        Kind.VERDICT,
        "Check that the photos and the ID belong together.",
        "Nothing.",
    )
    NOT_VERIFIED = (
        500,
        "Image failed to verify and DB search was not enabled or was not a success.",
        200,
        Kind.VERDICT,
        "Check the ID, and send sharper photos taken from the front.",
        "Nothing.",
    )
    NO_ROW = (
        116,
        "Problem getting ID, please check MySQL settings.",
        404,
        Kind.CALLER,
        "Enrol the ID first through /upload_db.",
        "If the ID was enrolled: check SQL_TABLE and the column names.",
    )
    NO_FOLDER = (
        113,
        "Path in the MySQL database doesn't exist in the image database.",
        503,
        Kind.SERVER,
        "Try again later.",
        "Restore the person's folder under DB_PATH, or enrol the ID again with in_place=true.",
    )
    # -- the server ----------------------------------------------------------------------------------------
    BAD_ENV = (
        176,
        "There was problem with .env file on the server.",
        503,
        Kind.SERVER,
        "Try again later.",
        "system_errors and the log list every fault; mend .env, no restart is needed.",
    )
    ENV_VALID = (175, "Settings are valid.", 200, Kind.DETAIL, "Nothing.", "Nothing.")
    DB_DOWN = (
        155,
        "Database connection error. Consult log.",
        503,
        Kind.SERVER,
        "Try again later.",
        "Check that the database runs and that SQL_URI, SQL_USER and SQL_PASS are right.",
    )
    VECTORS_DOWN = (
        156,
        "The vector store cannot be reached. Consult log.",
        503,
        Kind.SERVER,
        "Try again later.",
        "Check that Milvus runs and that VECTOR_STORE names it; no restart of the server is needed.",
    )
    NO_SPACE = (
        157,
        "A file could not be written on the server.",
        503,
        Kind.SERVER,
        "Try again later.",
        "The log names the folder: free space there, and let the server's user write to it.",
    )
    # -- pickles, inside results ---------------------------------------------------------------------------
    PICKLE_DELETED = (670, "Pickle file deleted.", 200, Kind.DETAIL, "Nothing.", "Nothing.")
    PICKLE_ABSENT = (604, "Pickle file was not there.", 200, Kind.DETAIL, "Nothing.", "Nothing.")
    PICKLE_REBUILT = (167, "Pickle file rebuilt.", 200, Kind.DETAIL, "Nothing.", "Nothing.")
    # -- everything else -----------------------------------------------------------------------------------
    DONE = (101, "Done.", 200, Kind.SUCCESS, "Nothing.", "Nothing.")
    # -- HTTP's own ----------------------------------------------------------------------------------------
    NO_ROUTE = (
        404,
        "There is no such endpoint.",
        404,
        Kind.CALLER,
        "Check the path; GET / lists the endpoints.",
        "Nothing.",
    )
    WRONG_METHOD = (
        405,
        "This endpoint does not take this HTTP method.",
        405,
        Kind.CALLER,
        "Use the method that the Allow header names.",
        "Nothing.",
    )
    TOO_LARGE = (
        413,
        "The request is too large.",
        413,
        Kind.CALLER,
        "Send fewer or smaller photos.",
        "If callers need more, raise MAX_UPLOAD_MB.",
    )
    BUSY = (
        503,
        "The server is busy or not ready yet.",
        503,
        Kind.SERVER,
        "Try again after the time that Retry-After names.",
        "If it lasts, look at the load and the log.",
    )
    INTERNAL = (
        599,
        "Internal error.",
        500,
        Kind.SERVER,
        "Try again; if it stays, report the X-Request-ID.",
        "Find the request id in the log: the traceback stands there.",
    )


CODES_DICT: Mapping[int, str] = MappingProxyType({int(code): code.message for code in Code})
"""The message of each number."""


@dataclass(frozen=True)
class Outcome:
    """How a flow ended well: its code and what it found."""

    code: Code
    results: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Why a flow ended early: its code, and the results as far as they came.

    `detail` goes to the log only; it never reaches a reply.
    """

    def __init__(self, code: Code, detail: str = "", results: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{int(code)} {code.name}{': ' if detail else ''}{detail}")
        self.code = code
        self.detail = detail
        self.results = results
