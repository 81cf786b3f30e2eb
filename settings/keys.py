"""The keys of `.env`, each declared once: type, bounds, meaning and default. A key without a default is required."""

import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from settings import paths, values
from settings.paths import SQLITE
from settings.values import Accepts, wrong

PUBLISHED_PASSWORDS = frozenset({"Spr!ngf!3ld_0h!0"})
"""Values of SUPER_PASSWORD in published examples."""


def key(
    meaning: str, default: str | None = None, low: float | None = None, high: float | None = None, secret: bool = False
) -> Any:
    """Declare a key. `default` is text as in `.env`; `low` and `high` bound a number, both included."""
    return Field(... if default is None else default, description=meaning, ge=low, le=high, repr=not secret)


class Listening(BaseModel):
    """Where the server listens and how many requests it processes: read once, at the start."""

    model_config = ConfigDict(
        alias_generator=str.upper, frozen=True, hide_input_in_errors=True, validate_default=True, extra="allow"
    )

    host: values.Host = key("Address to listen on (a change requires a restart)", "127.0.0.1")
    port: values.Whole = key("Port to listen on (a change requires a restart)", "8001", 1, 65535)
    threads: values.Whole = key(
        "Requests processed at the same time; 0 means two per core, 4 to 32 (a change requires a restart)", "0", 0, 256
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _check_text(cls, text: str, handler: ValidatorFunctionWrapHandler) -> Any:
        if any(unicodedata.category(character) == "Cc" for character in text):
            raise wrong("contains control characters")
        try:
            return handler(text)
        except OSError:
            raise wrong("cannot be accessed") from None


class Settings(Listening):
    """Every setting, valid and read-only: its key in lower case. Paths are absolute. `repr` omits secrets."""

    model_path: paths.Folder = key("Folder of the liveness model")
    model_url: values.Url = key("Download address of the liveness model, used when its file is missing", secret=True)
    model_name: values.KerasFile = key("File name of the liveness model in MODEL_PATH")
    sql_uri: paths.SqlUri = key("Database")
    sql_user: values.User = key("MySQL user")
    sql_pass: values.Secret = key("MySQL password", secret=True)
    sql_schema: values.Schema = key("Schema that contains the people table")
    sql_table: values.Table = key("People table")
    id_col: values.Column = key("Column of the people table that holds the ID")
    path_col: values.Column = key("Column that holds the name of the person's folder")
    name_col: values.Column = key("Column that holds the person's name")
    db_path: paths.SeparateFolder = key("Folder for the images of enrolled people; never served")
    target_width: values.Whole = key("Width in pixels of the saved face images; no verdict uses it", None, 32, 1024)
    target_height: values.Whole = key("Height in pixels of the saved face images", None, 32, 1024)
    selected_models: values.Models = key("Recognition models, fused into one decision")
    id_regex: values.Pattern = key("Pattern that a whole ID must match")
    num_aug: values.Whole = key("Number of augmented versions of each face", None, 0, 1000)
    sim_func: values.Distance = key("Distance between embeddings")
    log_loc: paths.WritableFile = key("Log file")
    ver_tol: values.Whole = key("Number of different images that must verify", None, 1)
    ver_tol_aug: values.Whole = key("Number of augmented comparisons that must verify when too few images did", None, 1)
    super_password: values.Password = key("Password of the operator's side", secret=True)
    score_tol: values.Decimal = key("Minimum quality score of an uploaded image", None, 0, 10)
    upload_folder: paths.WritableFolder = key("Folder for uploaded images; never served")

    model_mirror: paths.FolderOrUrl = key("Where to look for weights first, by file name and SHA-256", "", secret=True)
    fetch_models: values.Flag = key("Whether the server may download weights", "true")
    liveness_engines: values.Engines = key(
        "Liveness engines, which judge together; auto takes all whose files are there or can be fetched at the start",
        "auto",
    )
    tight_faces: values.TightFaces = key("What liveness says of a face that fills its photo", "uncertain")
    model_sha256: values.Sha256 = key("SHA-256 of a liveness model without a card", "")
    liveness_timeout_s: values.Whole = key(
        "Liveness time limit per request in seconds; exceeding it returns 178", "30", 1, 600
    )
    allow_skip_liveness: values.Skip = key(
        "Whether skip_liveness=true is allowed; if not, it returns 563; auto allows it to callers on the server itself",
        "auto",
    )
    enrol_liveness: values.Action = key("What /upload_db does with a face that is not live", "refuse")
    enrol_min_photos: values.Whole = key(
        "Different photos that a person's first enrolment needs, see docs/decisions.md", "1", 1, 10
    )
    replay_policy: values.Action = key("What /verify does with a photo that was used before", "refuse")
    replay_retention_days: values.Whole = key(
        "Days for which the hashes of used photos are kept; those of enrolled photos do not expire", "30", 1, 3650
    )
    upload_ttl: values.Whole = key("Hours for which uploads are kept, enrolled or not", "24", 1, 8760)
    require_challenge: values.Flag = key("Whether /verify requires an upload that answers a challenge", "false")
    challenge_actions: values.Challenges = key(
        "What challenges may ask for; docs/challenge.md says how inaccurate smile and blink are", "turn_left,turn_right"
    )
    duplicate_policy: values.Action = key("What /upload_db does with a face that is enrolled under another ID", "warn")
    ver_fmr: values.Decimal = key("Target false match rate of the 1:1 thresholds", "1e-3", 1e-6, 0.1)
    search_fpir: values.Decimal = key("Target false positive identification rate of the search", "1e-2", 1e-4, 0.5)
    calibration_folder: paths.OwnFolder = key("Folder of your own thresholds, used instead of the shipped ones", "")
    facehash_folder: paths.Folder = key("Folder of FaceHash's classifiers; never served", "static/facehash")
    compreface_recognize: values.Recognised = key(
        "Whom CompreFace's recognize names: accepted, those within the search's threshold; nearest, the most similar",
        "accepted",
    )
    liveness_for_compreface: values.Action = key("What CompreFace's API does with a face that is not live", "warn")
    vector_store: paths.VectorStore = key(
        "Where enrolled faces are searched: in the server's memory or in Milvus", "memory", secret=True
    )
    allowed_hosts: values.Hosts = key("Names besides localhost by which the server may be called without a key", "")
    cors_origins: values.Origins = key("Web pages' origins that may call the server from a browser", "")
    trusted_proxies: values.Networks = key(
        "Proxies in front of the server, whose X-Forwarded-For is believed (limits go by the client's address)", ""
    )
    hide_unknown: values.Hide = key(
        "Whether /verify hides which IDs are enrolled (500 in place of 116): auto from all but operators, "
        "true from all but keys with the scope admin",
        "auto",
    )
    request_limit: values.Limit = key("Requests of one key, or of one address where no key is used", "600/minute")
    failed_verify_limit: values.Limit = key(
        "Failed verifications of one ID; beyond them it waits 30 s and longer, and after 50 for a day", "5/3 minutes"
    )
    limit_store: values.LimitStore = key(
        "Where the limits are counted: in the server's memory, or in a Redis that several servers share",
        "memory",
        secret=True,
    )
    data_key: values.DataKey = key(
        "Key that seals photos, faces and embeddings on the disk; see docs/security.md",
        "",
        secret=True,
    )
    max_upload_mb: values.Whole = key("Maximum size of a request in MiB", "160", 1, 1024)
    max_photos: values.Whole = key("Maximum number of photos in a request", "100", 1, 1000)
    max_image_mb: values.Whole = key("Maximum size of an image file in MiB", "48", 1, 256)
    max_pixels: values.Whole = key("Maximum size of an image in pixels", "108000000", 10_000, 500_000_000)
    audit_folder: paths.OwnFolder = key(
        "Folder of the audit, see docs/security.md; the folder audit beside the log file where empty", ""
    )
    log_max_mb: values.Whole = key("Size in MiB at which the log file is rotated", "10", 1, 1024)
    log_keep: values.Whole = key("Number of rotated log files to keep", "5", 1, 100)
    log_format: values.LogFormat = key("Form of the log's lines", "text")
    metrics_open: values.Flag = key("Whether /metrics needs no key; otherwise it needs the scope admin", "false")
    dev_api: values.Flag = key("Whether /api/dev/embeddings shows embeddings to callers with the scope admin", "false")

    @field_validator("sql_user", "sql_schema")
    @classmethod
    def _needed_by_mysql(cls, value: str, info: ValidationInfo) -> str:
        if not value and not info.data.get("sql_uri", SQLITE).startswith(SQLITE):
            raise wrong("is empty")
        return value

    @field_validator("path_col", "name_col")
    @classmethod
    def _differs(cls, value: str, info: ValidationInfo) -> str:
        if value.lower() in {info.data[name].lower() for name in ("id_col", "path_col") if name in info.data}:
            raise wrong("is the name of another column")
        return value

    @field_validator("upload_folder")
    @classmethod
    def _lies_apart(cls, uploads: Path, info: ValidationInfo) -> Path:
        people: Path | None = info.data.get("db_path")
        if people and (people.is_relative_to(uploads) or uploads.is_relative_to(people)):
            raise PydanticCustomError("bad_value", "and UPLOAD_FOLDER contain each other", {"key": "DB_PATH"})
        return uploads

    @property
    def unknown_keys(self) -> tuple[str, ...]:
        """Keys of the file that mean nothing: most likely misspelt."""
        return tuple(self.model_extra or ())

    def unknown_explained(self) -> list[str]:
        """Return each unknown key with the known one that it resembles most, if any does."""
        known = {name.upper() for name in type(self).model_fields}
        near = {key: get_close_matches(key.upper(), known, 1) for key in self.unknown_keys}
        return [f"{key} (did you mean {found[0]}?)" if found else key for key, found in near.items()]

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite file, or None where SQL_URI names a MySQL server."""
        return Path(self.sql_uri.removeprefix(SQLITE)) if self.sql_uri.startswith(SQLITE) else None


@dataclass(frozen=True)
class Key:
    """A key of `.env` as faults and the documentation describe it. `default` is its text, None for a required key."""

    name: str
    meaning: str
    accepted: str
    default: str | None
    is_secret: bool = False


def _key(name: str, declared: FieldInfo) -> Key:
    words = next(found.words for found in declared.metadata if isinstance(found, Accepts))
    low = next((found.ge for found in declared.metadata if hasattr(found, "ge")), None)
    high = next((found.le for found in declared.metadata if hasattr(found, "le")), None)
    if high is not None:
        words += f" from {low} to {high}"
    elif low is not None:
        words += f", {low} or more"
    default = None if declared.is_required() else declared.default
    return Key(name.upper(), declared.description or "", words, default, is_secret=not declared.repr)


_declared = [_key(name, declared) for name, declared in Settings.model_fields.items()]
REQUIRED = tuple(key for key in _declared if key.default is None)
"""In the order of the document, in which faults are listed."""
OPTIONAL = tuple(key for key in _declared if key.default is not None)
KEYS = REQUIRED + OPTIONAL
