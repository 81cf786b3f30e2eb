"""The only reader of `.env`: the file to frozen `Settings`, or to every fault at once.

The process environment is not read.
"""

from __future__ import annotations

import hashlib
import io
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from settings.checks import BadValueError, split_host
from settings.folders import SQLITE
from settings.keys import KEYS, REQUIRED, Key, faults_between
from settings.lines import sort_lines

PUBLISHED_PASSWORDS = frozenset({"Spr!ngf!3ld_0h!0"})
"""Values of SUPER_PASSWORD that stand in published examples."""

MYSQL_PORT = 3306
SETTLED_NS = 2_000_000_000
"""A file changed longer ago than this cannot change again without its time showing it."""


@dataclass(frozen=True)
class Settings:
    """Every setting, parsed and valid; `settings.keys` says what each means. Paths are absolute.

    `repr` leaves out the secrets.
    """

    model_path: Path
    model_url: str
    model_name: str
    sql_uri: str
    sql_user: str
    sql_pass: str = field(repr=False)
    sql_schema: str
    sql_table: str
    id_col: str
    path_col: str
    name_col: str
    db_path: Path
    target_width: int
    target_height: int
    selected_models: tuple[str, ...]
    id_regex: str
    num_aug: int
    sim_func: str
    log_loc: Path
    ver_tol: int
    ver_tol_aug: int
    super_password: str = field(repr=False)
    score_tol: float
    upload_folder: Path
    host: str
    port: int
    threads: int
    model_mirror: str
    fetch_models: bool
    liveness_engines: tuple[str, ...]
    model_sha256: str
    liveness_timeout_s: int
    allow_skip_liveness: bool
    enrol_liveness: str
    replay_policy: str
    replay_retention_days: int
    require_challenge: bool
    challenge_actions: tuple[str, ...]
    duplicate_policy: str
    ver_fmr: float
    search_fpir: float
    calibration_folder: Path | None
    vector_store: str = field(repr=False)
    """Milvus's URL, or the path of a Milvus Lite file; empty for a gallery in memory."""
    max_upload_mb: int
    max_image_mb: int
    max_pixels: int
    log_max_mb: int
    log_keep: int
    unknown_keys: tuple[str, ...] = ()
    """Keys of the file that mean nothing: most likely misspelt."""

    @property
    def super_password_published(self) -> bool:
        """Whether SUPER_PASSWORD stands in a published example, which keeps the operator's side closed."""
        return self.super_password in PUBLISHED_PASSWORDS

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite file, or None where SQL_URI names a MySQL server."""
        return Path(self.sql_uri.removeprefix(SQLITE)) if self.sql_uri.startswith(SQLITE) else None

    @property
    def sql_address(self) -> tuple[str, int]:
        """Host and port of the MySQL server; ask only where `sqlite_path` is None."""
        host, port = split_host(self.sql_uri)
        return host, MYSQL_PORT if port is None else port


class SettingsFault(Exception):  # noqa: N818 - an answer of its own (176), named like one
    """Everything that is wrong with the settings, at once.

    `not_in_env` lists missing keys, `env_errs` has lines `KEY: what is wrong, accepted: what is`, both in the
    order of the table of keys. No line quotes a value.
    """

    def __init__(self, not_in_env: list[str], env_errs: list[str]) -> None:
        super().__init__("; ".join([*(f"{key}: missing" for key in not_in_env), *env_errs]))
        self.not_in_env = not_in_env
        self.env_errs = env_errs

    def as_dict(self) -> dict[str, list[str]]:
        """Return what `system_errors` of a reply holds."""
        return {"not_in_env": list(self.not_in_env), "env_errs": list(self.env_errs)}


class SettingsFile:
    """`.env` as it is now: read again when its content changes, and on every call while it is faulty.

    Safe to use from several threads. `generation` grows by one whenever the outcome changes.
    """

    def __init__(self, file: Path, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.file = file
        self.generation = 0
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._digest = b""
        self._outcome: Settings | dict[str, list[str]] | None = None

    def current(self) -> Settings:
        """Return the settings; raises `SettingsFault`."""
        with self._lock:
            if not (isinstance(self._outcome, Settings) and self._is_unchanged()):
                self._read()
            outcome = self._outcome
        if isinstance(outcome, Settings):
            return outcome
        raise SettingsFault(**(outcome or {"not_in_env": [], "env_errs": []}))

    def _is_unchanged(self) -> bool:
        if self._seen is not None and self._seen == self._stamp():
            return True
        return self._digest == _digest(self.file)

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self.file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> None:
        stamp, self._digest = self._stamp(), _digest(self.file)
        is_settled = stamp is not None and self._now_ns() - stamp[0] > SETTLED_NS
        self._seen = stamp if is_settled else None
        outcome: Settings | dict[str, list[str]]
        try:
            outcome = load_settings(self.file)
        except SettingsFault as fault:
            outcome = fault.as_dict()
        if outcome != self._outcome:
            self.generation += 1
        self._outcome = outcome


def load_settings(file: Path) -> Settings:
    """Read and check `file`; raises `SettingsFault` with every fault of the file."""
    values, unknown, faults = sort_lines(parse_stream(io.StringIO(_read_text(file))))
    missing = [key.name for key in REQUIRED if key.name not in values]
    parsed: dict[str, Any] = {}
    for key in KEYS:
        try:
            parsed[key.field] = _checked(key, values, file.absolute().parent)
        except BadValueError as wrong:
            faults.setdefault(key.name, f"{key.name}: {wrong}, accepted: {key.accepted}")
    for name, line in faults_between(parsed):
        faults.setdefault(name, line)
    if missing or faults:
        order = {key.name: place for place, key in enumerate(KEYS)}
        by_table = sorted(faults.items(), key=lambda fault: order.get(fault[0], len(order)))
        raise SettingsFault(missing, [line for name, line in by_table if name not in missing])
    return Settings(**parsed, unknown_keys=tuple(unknown))


def listening_address(file: Path) -> tuple[str, int, int]:
    """Return HOST, PORT and THREADS of `file`, whatever else is wrong there; a bad one counts as left out."""
    try:
        values, _, _ = sort_lines(parse_stream(io.StringIO(_read_text(file))))
    except SettingsFault:
        values = {}
    found: list[Any] = []
    for key in (key for key in KEYS if key.name in ("HOST", "PORT", "THREADS")):
        try:
            found.append(_checked(key, values, file.absolute().parent))
        except BadValueError:
            found.append(_checked(key, {}, file.absolute().parent))
    host, port, threads = found
    return host, port, threads


def _digest(file: Path) -> bytes:
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError:
        return b""


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except OSError:
        raise SettingsFault([], [f"{file.name}: cannot be read, accepted: a file that the server may read"]) from None
    except UnicodeDecodeError:
        raise SettingsFault([], [f"{file.name}: is not UTF-8 text, accepted: lines KEY=VALUE in UTF-8"]) from None


def _checked(key: Key, values: Mapping[str, str], base: Path) -> object:
    """Return the key's parsed value; raises `BadValueError`, for a missing required key too."""
    value = values.get(key.name, key.default)
    if value is None:
        raise BadValueError("is missing")
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise BadValueError("has control characters")
    try:
        return key.check(value, base)
    except OSError:
        raise BadValueError("cannot be looked at") from None
