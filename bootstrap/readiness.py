"""What the server lacks now: what a request would find out by failing."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bootstrap.liveness import LivenessLoader
from bootstrap.records import Records
from codes_dict import Code, Refusal
from env_validator import Settings


def lacking(settings: Settings, records: Records, liveness: LivenessLoader) -> dict[str, Code]:
    """Return what is not available, by name, with the code that a request gets for it; empty if nothing is missing."""
    checks: Mapping[str, Callable[[], object]] = {
        "database": lambda: _answers(records),
        "table": lambda: records.people.find(""),
        "vector_store": records.gallery.snapshot,
        "liveness": lambda: _is_loaded(settings, liveness),
        "disk": lambda: _are_writable(settings.upload_folder, settings.db_path),
    }
    return {name: code for name, check in checks.items() if (code := _code_of(check)) is not None}


def _code_of(check: Callable[[], object]) -> Code | None:
    try:
        check()
    except Refusal as refusal:
        return refusal.code
    return None


def _answers(records: Records) -> None:
    with records.database.reading():
        pass


def _is_loaded(settings: Settings, liveness: LivenessLoader) -> None:
    if liveness.loaded(settings) is None:
        raise Refusal(Code.NO_LIVENESS)


def _are_writable(*folders: Path) -> None:
    """Write a byte into each: permissions alone say nothing about a full disk or one that is read-only."""
    try:
        for folder in folders:
            with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                file.write(b"\0")
    except OSError as error:
        raise Refusal(Code.NO_SPACE) from error
