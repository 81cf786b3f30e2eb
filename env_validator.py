"""The only reader of `.env`: the file to read-only `Settings`, or to every fault at once.

The process environment is not read.
"""

import io
import threading
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from settings.keys import KEYS, Listening
from settings.keys import PUBLISHED_PASSWORDS as PUBLISHED_PASSWORDS
from settings.keys import Settings as Settings
from settings.values import password

_ACCEPTED = {key.name: key.accepted for key in KEYS}


class SettingsFault(Exception):  # noqa: N818 - an answer of its own (176), named like one
    """Everything that is wrong with the settings, at once.

    `not_in_env` lists missing keys, `env_errs` has lines `KEY: what is wrong, accepted: what is`, both in the order of
    the table of keys. No line quotes a value.
    """

    def __init__(self, not_in_env: list[str], env_errs: list[str]) -> None:
        self.not_in_env = not_in_env
        self.env_errs = env_errs
        super().__init__("; ".join(self.lines()))

    def lines(self) -> list[str]:
        """Return a line for each fault, as a terminal shows them."""
        return [*(f"{key}: missing" for key in self.not_in_env), *self.env_errs]


class SettingsFile:
    """The settings of `.env` as it is now: checked again when its content changes, and on each call while it is faulty.

    Thread-safe.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._content: bytes | None = None
        self._settings: Settings | None = None

    def current(self) -> Settings:
        """Return the settings, the same object while nothing changes; raises `SettingsFault`."""
        with self._lock:
            content = _read(self._file)
            if self._settings is None or content != self._content:
                self._settings = None
                self._content, self._settings = content, _validated(content, self._file)
            return self._settings


def load_settings(file: Path) -> Settings:
    """Read and check `file`; raises `SettingsFault` with every fault of the file."""
    return _validated(_read(file), file)


def listening_address(file: Path) -> tuple[str, int, int]:
    """Return HOST, PORT and THREADS of `file`, whatever else is wrong there; a bad one counts as left out."""
    found, _ = _listening(file)
    return found.host, found.port, found.threads


def listening_faults(file: Path) -> list[str]:
    """Return a line for everything that makes the server listen elsewhere than `file` was meant to say."""
    found, bad = _listening(file)
    if not file.is_file():
        return [f"There is no {file}: requests are answered with 176. Listening on {found.host}:{found.port}."]
    lines = [f"{name}: {what}, accepted: {_ACCEPTED[name]}. Used instead: {getattr(found, name.lower())}"
             for name, what in bad.items() if name in _ACCEPTED]  # fmt: skip
    lines += [f"{what}. Listening on {found.host}:{found.port}" for name, what in bad.items() if name not in _ACCEPTED]
    return lines


def _listening(file: Path) -> tuple[Listening, dict[str, str]]:
    """Return what can be used, and what is wrong by key, or by the file's name where none of it can be read."""
    try:
        values, _ = _parse(_read(file), file)
    except SettingsFault as fault:
        return Listening.model_validate({}), {file.name: fault.env_errs[0]}
    try:
        return Listening.model_validate(values), {}
    except ValidationError as error:
        bad = {str(one["loc"][0]): one["msg"] if one["type"] == "bad_value" else "is out of range"
               for one in error.errors(include_url=False, include_input=False)}  # fmt: skip
        return Listening.model_validate({name: value for name, value in values.items() if name not in bad}), bad


def folders_inside(file: Path) -> list[Path]:
    """Return the folders that `file` names by paths below its own folder, whatever else is wrong there."""
    try:
        values, _ = _parse(_read(file), file)
    except SettingsFault:
        return []
    named = [values.get(key, "") for key in ("DB_PATH", "UPLOAD_FOLDER", "MODEL_PATH")]
    files = [values.get("LOG_LOC", ""), values.get("SQL_URI", "").partition("sqlite:///")[2]]
    root = file.absolute().parent
    found = [root / name for name in named if name] + [(root / name).parent for name in files if name]
    return [folder for folder in found if folder.resolve().is_relative_to(root.resolve())]


def operator_password(file: Path) -> str | None:
    """Return SUPER_PASSWORD of `file`, whatever else is wrong there; None where it is missing or not accepted."""
    try:
        values, faults = _parse(_read(file), file)
        return None if "SUPER_PASSWORD" in faults else password(values["SUPER_PASSWORD"])
    except (SettingsFault, KeyError, PydanticCustomError):
        return None


def described(file: Path) -> list[dict[str, str | bool | None]]:
    """Return every key of the settings with its value in `file` and what is wrong with it, in the order of the table.

    No value is shown of a secret and of a key that is wrong, which may hold a secret by mistake. Faults of the file
    itself come first, without a key's meaning.
    """
    try:
        values, _ = _parse(_read(file), file)
    except SettingsFault:
        values = {}
    faults = _faults_by_key(file)
    rows: list[dict[str, str | bool | None]] = [
        {"key": name, "fault": fault} for name, fault in faults.items() if name not in _ACCEPTED
    ]
    for key in KEYS:
        is_set, fault = key.name in values, faults.get(key.name)
        shown = None if key.is_secret or fault else values.get(key.name, key.default)
        about = {"meaning": key.meaning, "accepted": key.accepted, "default": None if key.is_secret else key.default}
        rows.append({"key": key.name, **about, "value": shown, "set": is_set, "secret": key.is_secret, "fault": fault})
    return rows


def _faults_by_key(file: Path) -> dict[str, str]:
    try:
        load_settings(file)
    except SettingsFault as fault:
        lines = {line.partition(":")[0]: line.partition(": ")[2] for line in fault.env_errs}
        return {**dict.fromkeys(fault.not_in_env, "is missing"), **lines}
    return {}


def _read(file: Path) -> bytes:
    """Return the content, empty for a missing file; raises `SettingsFault`."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError:
        raise SettingsFault([], [f"{file.name}: cannot be read, accepted: a file that the server may read"]) from None


def _parse(content: bytes, file: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values by key, empty for an unknown key, and the faults by key or line; raises `SettingsFault`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsFault([], [f"{file.name}: is not UTF-8 text, accepted: lines KEY=VALUE in UTF-8"]) from None
    values: dict[str, str] = {}
    faults: dict[str, str] = {}
    for line in parse_stream(io.StringIO(text)):
        if line.error:
            blank, _, _ = line.original.string.partition(line.original.string.strip())
            number = line.original.line + blank.count("\n")
            name = f"line {number}"
            faults[name] = f"{name}: cannot be parsed, accepted: KEY=VALUE"
        elif line.key in _ACCEPTED:
            if line.key in values:
                faults[line.key] = f"{line.key}: is set more than once, accepted: one line for each key"
            values[line.key] = line.value or ""
        elif line.key is not None:
            values[line.key] = ""
    return values, faults


def _validated(content: bytes, file: Path) -> Settings:
    """Return the settings; raises `SettingsFault`."""
    values, faults = _parse(content, file)
    missing: list[str] = []
    try:
        settings = Settings.model_validate(values, context=file.absolute().parent)
        if not faults:
            return settings
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            name = str(one.get("ctx", {}).get("key", one["loc"][0]))
            if one["type"] == "missing":
                missing.append(name)
                continue
            what = one["msg"] if one["type"] == "bad_value" else "is out of range"
            faults.setdefault(name, f"{name}: {what}, accepted: {_ACCEPTED[name]}")
    order = [*_ACCEPTED, *faults]
    raise SettingsFault(missing, [faults[name] for name in sorted(faults, key=order.index)])
