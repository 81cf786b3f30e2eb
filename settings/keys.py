"""The table of all keys of `.env`: what each means, what it accepts, and which check reads it.

The first 24 are required, and faults are reported in this order. The others have a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.registry import DISTANCES, REGISTRY
from settings import checks, folders

IDENTIFIER = "an SQL identifier (letters, digits, _)"
COLUMN = f"{IDENTIFIER}, another one for each column"
POLICY = "refuse, warn or off"
COUNT = "a whole number, 1 or more"
SIDE = "a whole number from 32 to 1024"


@dataclass(frozen=True)
class Key:
    """A key of `.env`. `default` is the text that stands for a key left out; None where it must be there."""

    name: str
    meaning: str
    accepted: str
    check: checks.Check
    default: str | None = None

    @property
    def field(self) -> str:
        """The name of the key's field in `Settings`."""
        return self.name.lower()


REQUIRED: tuple[Key, ...] = (
    Key("MODEL_PATH", "Folder of the liveness model", "a folder", folders.folder),
    Key("MODEL_URL", "Where the liveness model is fetched from when its file is not there",
        "an http or https URL; Google Drive links work", checks.url),
    Key("MODEL_NAME", "File of the liveness model in MODEL_PATH", "a file name ending in .h5 or .keras",
        checks.model_name),
    Key("SQL_URI", "The database", "host or host:port of MySQL, or sqlite:///path", folders.sql_uri),
    Key("SQL_USER", "User of MySQL", "a user name; may be empty for SQLite", checks.text),
    Key("SQL_PASS", "Password of MySQL", "a password; may be empty", checks.text),
    Key("SQL_SCHEMA", "Schema that the table is in", f"{IDENTIFIER}; may be empty for SQLite",
        checks.optional(checks.identifier, "")),
    Key("SQL_TABLE", "Table of the people", f"{IDENTIFIER} that does not begin with faceapp_", checks.table),
    Key("ID_COL", "Column of the IDs", COLUMN, checks.identifier),
    Key("PATH_COL", "Column of the folders' names", COLUMN, checks.identifier),
    Key("NAME_COL", "Column of the people's names", COLUMN, checks.identifier),
    Key("DB_PATH", "Folder of the enrolled people's images",
        "an existing writable folder that neither holds UPLOAD_FOLDER nor lies in it",
        folders.writable_folder),
    Key("TARGET_WIDTH", "Width of the face images kept for people to look at, in pixels",
        SIDE, checks.whole(32, 1024)),
    Key("TARGET_HEIGHT", "Height of these images", SIDE, checks.whole(32, 1024)),
    Key("SELECTED_MODELS", "Recognition models, fused into one decision",
        f"one or more of {', '.join(REGISTRY)}, separated by commas", checks.words_of(known=REGISTRY)),
    Key("ID_REGEX", "What a whole ID looks like", "a regular expression that compiles", checks.pattern),
    Key("NUM_AUG", "Augmented versions made of each face", "a whole number from 0 to 1000",
        checks.whole(0, 1000)),
    Key("SIM_FUNC", "Distance between embeddings", f"one of {', '.join(DISTANCES)}",
        checks.one_of(*DISTANCES)),
    Key("LOG_LOC", "The log file", "a file that can be written; it need not exist, its folder must",
        folders.writable_file),
    Key("VER_TOL", "How many different images must verify", COUNT, checks.whole(1, 10**9)),
    Key("VER_TOL_AUG", "How many comparisons of augmented images must verify when too few images did",
        COUNT, checks.whole(1, 10**9)),
    Key("SUPER_PASSWORD", "Opens the operator's side",
        "8 or more characters with upper case, lower case, a digit and a symbol", checks.password),
    Key("SCORE_TOL", "Least quality score of an uploaded image", "a decimal number from 0 to 10",
        checks.decimal(0, 10)),
    Key("UPLOAD_FOLDER", "Folder of the uploaded images", "an existing writable folder",
        folders.writable_folder),
)  # fmt: skip

OPTIONAL: tuple[Key, ...] = (
    Key("HOST", "Address to listen on (a change wants a restart)", "a host name or an IP address",
        checks.host,
        "127.0.0.1"),
    Key("PORT", "Port to listen on (a change wants a restart)", "a whole number from 1 to 65535",
        checks.whole(1, 65535), "8001"),
    Key("THREADS", "Requests worked on at once, 0: by the number of cores (a change wants a restart)",
        "a whole number from 0 to 256", checks.whole(0, 256), "0"),
    Key("MODEL_MIRROR", "Where weights are looked for first, by name and SHA-256",
        "an existing folder or a URL; may be empty",
        checks.optional(folders.url_or_folder, ""), ""),
    Key("FETCH_MODELS", "Whether weights may be downloaded", "true or false", checks.flag, "true"),
    Key("LIVENESS_ENGINES", "Liveness engines, all of which must pass", "cnn, fasnet, or both with a comma",
        checks.words_of(known=("cnn", "fasnet")), "cnn"),
    Key("MODEL_SHA256", "SHA-256 of the liveness model where no card lies beside it",
        "64 hex digits; may be empty",
        checks.optional(checks.sha256, ""), ""),
    Key("LIVENESS_TIMEOUT_S", "Seconds that the liveness engines may take for a request, which is 178 then",
        "a whole number from 1 to 600", checks.whole(1, 600), "30"),
    Key("ALLOW_SKIP_LIVENESS", "Whether a client's skip_liveness=true counts; if not, it is answered with 563",
        "true or false", checks.flag, "false"),
    Key("ENROL_LIVENESS", "What happens to a face that is not live at enrolment", POLICY,
        checks.one_of("refuse", "warn", "off"), "warn"),
    Key("REPLAY_POLICY", "What happens at verification to a photo that was used before", POLICY,
        checks.one_of("refuse", "warn", "off"), "refuse"),
    Key("REPLAY_RETENTION_DAYS", "How long a used photo's hashes are kept, in days; those of enrolled photos stay",
        "a whole number from 1 to 3650", checks.whole(1, 3650), "30"),
    Key("REQUIRE_CHALLENGE", "Whether /verify insists on an upload that answers a challenge", "true or false",
        checks.flag, "false"),
    Key("CHALLENGE_ACTIONS", "What challenges may ask for; docs/challenge.md says how rough smile and blink are",
        "two or more of turn_left, turn_right, smile, blink, separated by commas",
        checks.words_of(known=("turn_left", "turn_right", "smile", "blink"), least=2), "turn_left,turn_right"),
    Key("DUPLICATE_POLICY", "What happens when the face is enrolled under another ID", POLICY,
        checks.one_of("refuse", "warn", "off"), "warn"),
    Key("VER_FMR", "False match rate that 1:1 thresholds are set to", "a rate from 1e-6 to 0.1",
        checks.decimal(1e-6, 0.1), "1e-3"),
    Key("SEARCH_FPIR", "False positive identification rate that the search is set to",
        "a rate from 1e-4 to 0.5",
        checks.decimal(1e-4, 0.5), "1e-2"),
    Key("CALIBRATION_FOLDER", "Folder of thresholds of your own, instead of those that come along",
        "an existing folder; may be empty", checks.optional(folders.existing_folder, None), ""),
    Key("VECTOR_STORE", "Where the enrolled faces are searched: in this process's memory, or in Milvus",
        "memory, milvus:http://host:19530 or milvus:/path/file.db; may be empty", folders.vector_store, "memory"),
    Key("MAX_UPLOAD_MB", "Largest request, in MiB", "a whole number from 1 to 1024",
        checks.whole(1, 1024), "64"),
    Key("MAX_IMAGE_MB", "Largest image file, in MiB", "a whole number from 1 to 256",
        checks.whole(1, 256), "16"),
    Key("MAX_PIXELS", "Largest image, in pixels", "a whole number from 10000 to 500000000",
        checks.whole(10_000, 500_000_000), "50000000"),
    Key("LOG_MAX_MB", "Size at which the log file is rotated, in MiB", "a whole number from 1 to 1024",
        checks.whole(1, 1024), "10"),
    Key("LOG_KEEP", "Rotated log files that are kept", "a whole number from 1 to 100",
        checks.whole(1, 100), "5"),
)  # fmt: skip

KEYS: tuple[Key, ...] = REQUIRED + OPTIONAL


def faults_between(parsed: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong between values that are right each for itself, as (key, line)."""
    by_name = {key.name: key.accepted for key in KEYS}
    wrong: list[tuple[str, str]] = []
    if not str(parsed.get("sql_uri", folders.SQLITE)).startswith(folders.SQLITE):
        wrong += [(name, "is empty") for name in ("SQL_USER", "SQL_SCHEMA") if parsed.get(name.lower()) == ""]
    columns = [(name, str(parsed.get(name.lower(), name)).lower()) for name in ("ID_COL", "PATH_COL", "NAME_COL")]
    taken: set[str] = set()
    for name, column in columns:
        if column in taken:
            wrong.append((name, "is the name of another column"))
        taken.add(column)
    people, uploads = parsed.get("db_path"), parsed.get("upload_folder")
    if people and uploads and (people.is_relative_to(uploads) or uploads.is_relative_to(people)):
        wrong.append(("DB_PATH", "and UPLOAD_FOLDER lie within each other"))
    return [(name, f"{name}: {what}, accepted: {by_name[name]}") for name, what in wrong]
