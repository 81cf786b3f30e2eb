"""Every number that the server answers with: the one place where codes are defined.

A `Code` is what a reply carries. Success leaves a flow as an `Outcome`, everything else as a raised `Refusal`;
nothing else carries a number, and nothing branches on one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, unique
from types import MappingProxyType
from typing import Any, Final

RETRY: Final = True
"""Marks the rows of codes after which the same call can succeed later, without any change to it."""


class Kind(Enum):
    """Whether a code is a success, a verdict, or a mistake, and whose."""

    SUCCESS = "success"
    VERDICT = "verdict"
    CALLER = "caller"
    SERVER = "server"
    DETAIL = "detail"
    """Appears inside results, never as a reply's own code."""


@unique
class Code(IntEnum):
    """A numeric code with its message, HTTP status, kind, advice, and whether the same call can succeed later.

    `message` is a published interface: integrators match on it, so it changes only with a major version.
    """

    message: str
    status: int
    kind: Kind
    caller_does: str
    operator_does: str
    retry: bool

    def __new__(
        cls,
        number: int,
        status: int,
        kind: Kind,
        message: str,
        caller_does: str = "Nothing.",
        operator_does: str = "Nothing.",
        retry: bool = False,
    ) -> Code:
        """Build a member whose integer value is `number`."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.message, member.status, member.kind = message, status, kind
        member.caller_does, member.operator_does, member.retry = caller_does, operator_does, retry
        return member

    @property
    def cause(self) -> str:
        """What makes the server answer with this code, where the message does not say it; otherwise the message."""
        return _CAUSES.get(self.name, self.message)

    @property
    def described(self) -> dict[str, Any]:
        """What is known of the code, as plain data: its cause, and what caller and operator do about it."""
        return {
            "number": int(self),
            "name": self.name,
            "message": self.message,
            "cause": self.cause,
            "http_status": self.status,
            "kind": self.kind.value,
            "caller": self.caller_does,
            "operator": self.operator_does,
            "retry": self.retry,
        }

    # fmt: off
    # -- the request ---------------------------------------------------------------------------------------
    BAD_FORM = (107, 400, Kind.CALLER,
        "Endpoint request needs to be www-form-urlencoded, or form is empty.",
        "Send the endpoint's keys in a body with Content-Type: application/x-www-form-urlencoded.",
    )
    BAD_ENROL_KEYS = (108, 400, Kind.CALLER,
        "Acceptable upload_db endpoint www-form-urlencoded keys: upload_id, name, delete_pickles, "
        "rebuild_db, in_place.",
        "Send each key exactly once. Flags are true or false.",
    )
    BAD_VERIFY_KEYS = (109, 400, Kind.CALLER,
        "Acceptable verify endpoint www-form-urlencoded keys: upload_id, skip_verify, skip_db_search, skip_liveness.",
        "Send each key exactly once. Flags are true or false.",
    )
    NO_ID = (110, 400, Kind.CALLER,
        "No args provided for upload_imgs endpoint, or id arg must be provided through upload_imgs?id=",
        "Send exactly one id in the query: /upload_imgs?id=ID.",
    )
    NO_FILES = (117, 400, Kind.CALLER,
        "Length of uploaded files was zero.",
        "Send at least one photo: as a file of multipart/form-data, or base64-encoded in JSON or a form.",
    )
    BAD_JSON = (118, 400, Kind.CALLER,
        "The body is not valid JSON.",
        'Send one JSON object such as {"images": ["BASE64"]}, encoded as UTF-8.',
    )
    BAD_NAME = (128, 400, Kind.CALLER,
        "The name is empty, longer than 200 characters, or has control characters.",
        "Send a name of 1 to 200 printable characters, percent-encoded as UTF-8.",
    )
    BOTH_SKIPS = (143, 400, Kind.CALLER,
        "Both skip_verify and skip_db_search set to True. One must be False.",
        "Set at least one of the two to false.",
    )
    BAD_BASE64 = (193, 400, Kind.CALLER,
        "There was a problem with base64 string.",
        "Encode the bytes of each image as base64. In a form, percent-encode + as %2B.",
    )
    ID_MATCHED = (126, 200, Kind.DETAIL,
        "Regex matched ID.",
    )
    ID_NOT_MATCHED = (127, 400, Kind.CALLER,
        "Regex didn't match ID.",
        "Use an ID that matches the server's pattern: at most 64 letters, digits, dots, hyphens and underscores.",
        "Check ID_REGEX.",
    )
    # -- the upload ----------------------------------------------------------------------------------------
    UPLOADED = (119, 200, Kind.SUCCESS,
        "Files uploaded successfully.",
        "Pass upload_id to /upload_db to enrol the photos, or to /verify to verify them.",
    )
    ALL_REJECTED = (120, 200, Kind.VERDICT,
        "All the files were rejected due to not meeting score criteria.",
        "Take new photos. reasons says what to change in each of them.",
        "If good photos are rejected, lower SCORE_TOL.",
    )
    UPLOAD_GONE = (189, 404, Kind.CALLER,
        "Folder already uploaded to DB. Can't verify to upload again. Or it does not exist at all!",
        "Upload the photos again and use the new upload_id.",
    )
    NO_IMAGES = (111, 503, Kind.SERVER,
        "Length of img_paths is zero.",
        "Upload the photos again.",
        "The upload's files were removed from UPLOAD_FOLDER. Find out what removes them.",
    )
    IMAGE_MISSING = (153, 503, Kind.SERVER,
        "At least one of the images doesn't exist. Consult log.",
        "Upload the photos again.",
        "The log names the missing files. Find out what removes them from UPLOAD_FOLDER.",
    )
    # -- faces and liveness --------------------------------------------------------------------------------
    NO_FACE = (630, 200, Kind.VERDICT,
        "Could not detect a face in any of the images.",
        "Send photos that show the face from the front, large and well lit.",
    )
    NO_SINGLE_FACE = (152, 200, Kind.VERDICT,
        "Failed to detect face in any of the images or all contained more than one face.",
        "Send photos that show this one person alone.",
    )
    NO_LIVENESS = (178, 503, Kind.SERVER,
        "Problem loading liveness detection model. Check your URL.",
        "Try again later.",
        "The log says why. Check that the model is at MODEL_PATH/MODEL_NAME or can be fetched from MODEL_URL, and that "
        "its SHA-256 is the one in its card or in MODEL_SHA256.", RETRY,
    )
    ALL_SPOOF = (560, 200, Kind.VERDICT,
        "All faces were spoof.",
        "Photograph the person directly, not a screen or a print.",
    )
    NONE_LIVE = (561, 200, Kind.VERDICT,
        "No face could be judged live.",
        "Take new photos in even light, the whole head in the frame with some space around it.",
    )
    USED_BEFORE = (562, 200, Kind.VERDICT,
        "The photos were used before.",
        "Take new photos. A photo can be used once, and an enrolled photo never verifies its person.",
        "REPLAY_POLICY=warn accepts used photos with a note; off disables the check. See docs/replay.md.",
    )
    SKIP_NOT_ALLOWED = (563, 403, Kind.CALLER,
        "skip_liveness is not allowed here.",
        "Send skip_liveness=false.",
        "ALLOW_SKIP_LIVENESS=auto lets callers on the server itself skip liveness, true everybody. Never set true "
        "where strangers can reach the server.",
    )
    CHALLENGE_MISSING = (570, 200, Kind.VERDICT,
        "There is no challenge.",
        "Request a challenge from /liveness/challenge and send its frames to /upload_imgs?id=ID&challenge=NONCE.",
        "REQUIRE_CHALLENGE=true makes /verify require a challenge.",
    )
    CHALLENGE_EXPIRED = (571, 200, Kind.VERDICT,
        "The challenge has expired.",
        "Request a new challenge and answer it within three minutes.",
        "If several servers share one database, check their clocks.",
    )
    CHALLENGE_REUSED = (572, 200, Kind.VERDICT,
        "The challenge was answered before.",
        "Request a new challenge. Each can be answered once, even if the answer fails.",
    )
    CHALLENGE_FOREIGN = (573, 200, Kind.VERDICT,
        "The challenge was not given to this ID.",
        "Use the challenge that /liveness/challenge returned for this ID.",
    )
    CHALLENGE_FAILED = (574, 200, Kind.VERDICT,
        "The frames do not show what the challenge asked for.",
        "Request a new challenge. Look straight ahead first and before every turn, turn the head clearly, stay alone "
        "in the frame, and do not mirror the frames.",
    )
    # -- enrolment -----------------------------------------------------------------------------------------
    ENROLLED = (800, 200, Kind.SUCCESS,
        "ID successfully inserted to db.",
    )
    ENROLLED_NEEDLESS_IN_PLACE = (838, 200, Kind.SUCCESS,
        "ID successfully inserted into DB. in_place was needlessly enabled.",
    )
    ENROLLED_ADDED = (850, 200, Kind.SUCCESS,
        "ID successfully inserted to db. in_place was disabled, so the files were added to the previous ones.",
    )
    ENROLLED_REPLACED = (900, 200, Kind.SUCCESS,
        "ID already exists in db and in_place was set to true. Folder deleted and DB path replaced.",
    )
    DIFFERENT_PEOPLE = (852, 200, Kind.VERDICT,
        "The faces are not one person, or not the person enrolled under this ID.",
        "Send photos of one person only: the person this ID belongs to.",
        "To enrol another person under this ID, delete the enrolled person first.",
    )
    BELONGS_TO_OTHER = (853, 200, Kind.VERDICT,
        "The face belongs to another ID.",
        "Use the ID under which this person is enrolled.",
        "possible_duplicates lists the IDs. DUPLICATE_POLICY=warn accepts such enrolments.",
    )
    INSERT_FAILED = (150, 503, Kind.SERVER,
        "Insert into MySQL failed. Please check your settings.",
        "Try again later.",
        "The log says why. Usually a column is too narrow (the ID needs VARCHAR(64)) or the user lacks write access.",
        RETRY,
    )
    # -- verification --------------------------------------------------------------------------------------
    VERIFIED = (200, 200, Kind.VERDICT,
        "Image successfully verified.",
    )
    FOUND = (134, 200, Kind.VERDICT,
        "After a search in the DB, the ID matched with what was found.",
    )
    SAME_PERSON = (210, 200, Kind.VERDICT,
        "The photos show the same person.",
    )
    NOT_SAME_PERSON = (510, 200, Kind.VERDICT,
        "The photos do not show the same person, as far as they tell.",
        "Check that both show the person, and send sharper photos taken from the front.",
    )
    FOUND_OTHER = (100, 200, Kind.VERDICT,
        "None of the matching IDs in the DB matched what was given.",
        "Check that the photos show the person this ID belongs to.",
    )
    NOT_VERIFIED = (500, 200, Kind.VERDICT,
        "Image failed to verify and DB search was not enabled or was not a success.",
        "Check the ID, and send sharper photos taken from the front.",
    )
    NO_ROW = (116, 404, Kind.CALLER,
        "Problem getting ID, please check MySQL settings.",
        "This ID is not enrolled. Enrol it through /upload_db first.",
        "If the ID was enrolled, check SQL_TABLE and the column names.",
    )
    NO_FOLDER = (113, 503, Kind.SERVER,
        "Path in the MySQL database doesn't exist in the image database.",
        "Try again later.",
        "Restore the person's folder under DB_PATH, or enrol the ID again with in_place=true.", RETRY,
    )
    # -- the server ----------------------------------------------------------------------------------------
    BAD_ENV = (176, 503, Kind.SERVER,
        "There was problem with .env file on the server.",
        "Try again later.",
        "system_errors and the log list every fault. Edit .env; no restart is needed.", RETRY,
    )
    ENV_VALID = (175, 200, Kind.DETAIL,
        "Settings are valid.",
    )
    DB_DOWN = (155, 503, Kind.SERVER,
        "Database connection error. Consult log.",
        "Try again later.",
        "Check that the database is running and that SQL_URI, SQL_USER and SQL_PASS are correct.", RETRY,
    )
    VECTORS_DOWN = (156, 503, Kind.SERVER,
        "The vector store cannot be reached. Consult log.",
        "Try again later.",
        "Check that Milvus is running and that VECTOR_STORE names it. No restart is needed.", RETRY,
    )
    NO_SPACE = (157, 503, Kind.SERVER,
        "A file could not be written on the server.",
        "Try again later.",
        "The log names the folder. Free space there and give the server's user write access.", RETRY,
    )
    DB_NEWER = (158, 503, Kind.SERVER,
        "A newer version of this server has changed the database.",
        "Try again later.",
        "Run the newer version again, or restore a backup from before the update: tables are never changed back.",
        RETRY,
    )
    SEAL_BROKEN = (159, 503, Kind.SERVER,
        "A stored file is not what was sealed in its place.",
        "Upload the photos again. If that does not help, tell the operator.",
        "A file was changed or moved, or DATA_KEY does not hold its key: the log says which. See docs/security.md.",
    )
    # -- pickles, inside results ---------------------------------------------------------------------------
    PICKLE_DELETED = (670, 200, Kind.DETAIL,
        "Pickle file deleted.",
    )
    PICKLE_ABSENT = (604, 200, Kind.DETAIL,
        "Pickle file was not there.",
    )
    PICKLE_REBUILT = (167, 200, Kind.DETAIL,
        "Pickle file rebuilt.",
    )
    # -- everything else -----------------------------------------------------------------------------------
    DONE = (101, 200, Kind.SUCCESS,
        "Done.",
    )
    # -- HTTP ----------------------------------------------------------------------------------------------
    MALFORMED = (400, 400, Kind.CALLER,
        "The request is malformed.",
        "Send a well-formed HTTP request.",
    )
    NO_KEY = (401, 401, Kind.CALLER,
        "A valid API key is needed.",
        "Send your key as X-API-Key: KEY or Authorization: Bearer KEY. If it has expired, ask for another.",
        "bin/keys list shows the keys, bin/keys make makes one.",
    )
    NOT_ALLOWED = (403, 403, Kind.CALLER,
        "The caller may not do this.",
        "Use a key that has the scope for this endpoint.",
        "bin/keys list shows each key's scopes. Make another key for other scopes.",
    )
    NO_ROUTE = (404, 404, Kind.CALLER,
        "There is no such endpoint.",
        "Check the path. GET / lists the endpoints.",
    )
    WRONG_METHOD = (405, 405, Kind.CALLER,
        "This endpoint does not take this HTTP method.",
        "Use a method listed in the Allow header.",
    )
    CONFLICT = (409, 409, Kind.CALLER,
        "This conflicts with work under way.",
        "Wait until the work under way has ended: GET /jobs/ID shows its progress. Then send the request again.",
        "Nothing.", RETRY,
    )
    TOO_LARGE = (413, 413, Kind.CALLER,
        "The request is too large.",
        "Send fewer or smaller photos.",
        "If callers need more, raise MAX_UPLOAD_MB or MAX_PHOTOS.",
    )
    VALUE_REFUSED = (422, 422, Kind.CALLER,
        "A value of the request is not accepted.",
        "Correct the field that the results name.",
    )
    NO_STRANGERS = (179, 503, Kind.SERVER,
        "FaceHash has no statistics of strangers for the selected models.",
        "Try again later.",
        "Run bin/facehash strangers FOLDER with photos of many people, or select models that are shipped with some.",
        RETRY,
    )
    NO_WEIGHTS = (180, 503, Kind.SERVER,
        "The weights of a model that this call needs are not on the server.",
        "Leave out what needs the model.",
        "Put the files that the reply names into bin/model/weights, or run bin/fetch-models Age Gender Emotion.", RETRY,
    )
    TOO_MANY = (429, 429, Kind.CALLER,
        "Too many requests, or too many failed verifications of this ID.",
        "Try again after the number of seconds in Retry-After.",
        "REQUEST_LIMIT and FAILED_VERIFY_LIMIT are the limits. DELETE /limits/ID lets an ID try again.", RETRY,
    )
    BUSY = (503, 503, Kind.SERVER,
        "The server is busy or not ready yet.",
        "Try again after the number of seconds in Retry-After.",
        "If this persists, check the load and the log.", RETRY,
    )
    INTERNAL = (599, 500, Kind.SERVER,
        "Internal error.",
        "Try again. If it fails again, report the X-Request-ID.",
        "Search the log for the request id: it has the traceback.", RETRY,
    )


_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "BAD_FORM": "The body has another content type than application/x-www-form-urlencoded, or no field.",
        "BAD_ENROL_KEYS": "A key of /upload_db is missing or was sent twice, or a flag is neither true nor false.",
        "BAD_VERIFY_KEYS": "A key of /verify is missing or was sent twice, or a flag is neither true nor false.",
        "NO_ID": "The query has no id, an empty one, or several.",
        "NO_FILES": "The request has no file and no base64 image.",
        "BOTH_SKIPS": "With both comparison and search skipped, nothing is left that could verify anybody.",
        "BAD_BASE64": "None of the images could be decoded as base64.",
        "ID_NOT_MATCHED": "The ID does not match ID_REGEX, or has characters that IDs cannot have.",
        "ALL_REJECTED": "Every photo scored below SCORE_TOL.",
        "UPLOAD_GONE": "The upload_id is unknown or malformed, has expired, or its photos were enrolled.",
        "NO_IMAGES": "The upload's folder is there, but its photos are not.",
        "IMAGE_MISSING": "Some of the upload's photos are no longer on the disk.",
        "NO_FACE": "The detector found no face in any photo.",
        "NO_SINGLE_FACE": "Each photo shows no face, or another one beside the person's.",
        "NO_LIVENESS": "A liveness engine is missing, failed or took too long, so no face can be judged.",
        "ALL_SPOOF": "At least half of the photos look like a photo of a screen, a print or a mask.",
        "NONE_LIVE": "The liveness engines are not sure of any face: usually the face is too large, small or dark.",
        "USED_BEFORE": "The photos, or near copies, were compared or enrolled before, or the upload was accepted.",
        "SKIP_NOT_ALLOWED": "The caller sent skip_liveness=true, which ALLOW_SKIP_LIVENESS does not let it do.",
        "CHALLENGE_MISSING": "The upload answers no challenge although one is required, or its nonce is unknown.",
        "CHALLENGE_EXPIRED": "The answer came more than three minutes after the challenge.",
        "CHALLENGE_FAILED": "The head did not turn as asked, the frames show several people, or they are mirrored.",
        "DIFFERENT_PEOPLE": "The faces differ clearly from each other or from those enrolled under the ID.",
        "BELONGS_TO_OTHER": "The face is enrolled under another ID, and DUPLICATE_POLICY is refuse.",
        "INSERT_FAILED": "The database refused the row.",
        "VERIFIED": "Enough photos are within the threshold of the person enrolled under the ID.",
        "FOUND": "The search found the ID as the nearest person, within both thresholds.",
        "FOUND_OTHER": "Somebody enrolled is near enough, but it is not this ID, or another ID is nearer.",
        "NOT_VERIFIED": "Too few photos are near enough to the enrolled person, or HIDE_UNKNOWN hides an unknown ID.",
        "NO_ROW": "No row of the people table has this ID.",
        "NO_FOLDER": "The ID has a row, but its images or embeddings are gone.",
        "BAD_ENV": "A key is missing or wrong in .env, or a model that it selects does not load.",
        "DB_DOWN": "The database does not answer, or refuses the user or the schema.",
        "VECTORS_DOWN": "Milvus does not answer.",
        "NO_SPACE": "The disk is full, or the folder is not writable.",
        "MALFORMED": "The request is not well-formed HTTP, is cut off, arrived too slowly, or can be read in two ways.",
        "NO_KEY": "No key was sent, or it is unknown, expired or revoked. Without keys, another machine called.",
        "NOT_ALLOWED": "The key lacks the endpoint's scope. Without keys, a proxy, another name or a web page called.",
        "TOO_LARGE": "The body, the number of photos or the number of fields is above its limit.",
        "TOO_MANY": "One key, address or ID has used up its limit.",
        "BUSY": "All places in the queue are taken, or the models are still loading.",
        "INTERNAL": "A defect of the server: an exception that nothing expected.",
    }
)
"""By name, so that the rows above stay as they are published."""

CODES_DICT: Mapping[int, str] = MappingProxyType({int(code): code.message for code in Code})
"""The message of each number."""


@dataclass(frozen=True)
class Outcome:
    """How a flow ended well: its code and what it found."""

    code: Code
    results: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Why a flow ended early: its code, and the results as far as they came.

    `detail` goes to the log only; it never reaches a reply. `advice` tells the caller what to do where more can be said
    than the code's own advice; `field` or `file` names what is wrong with the request.
    """

    def __init__(
        self,
        code: Code,
        detail: str = "",
        results: Mapping[str, Any] | None = None,
        *,
        advice: str = "",
        field: str | None = None,
        file: str | None = None,
        retry: bool | None = None,
    ) -> None:
        super().__init__(f"{int(code)} {code.name}{': ' if detail else ''}{detail}")
        self.code = code
        self.detail = detail
        self.results = results
        self.advice = advice or code.caller_does
        self.field, self.file = field, file
        self.retry = code.retry if retry is None else retry

    def guidance(self) -> dict[str, Any]:
        """Return what every refusal's results carry: `advice`, `retry`, and the `field` or `file` that is wrong."""
        wrong = {"field": self.field, "file": self.file}
        named = {key: name for key, name in wrong.items() if name is not None}
        return {"advice": self.advice, "retry": self.retry, **named}
