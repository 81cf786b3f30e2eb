"""What the endpoints ask of the server: services that fit the settings as they are now, and what operators ask."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypedDict, cast

from flask import current_app

from codes_dict import Code
from pipeline.flows import Services
from security.callers import Rules
from security.door import Door
from security.keyring import Keyring
from security.limits import Limits

EXTENSION = "faceapp"
Rows = list[dict[str, Any]]


class SystemErrors(TypedDict):
    """What is wrong with `.env`: missing keys, and bad values as `KEY: what is wrong, what is accepted`."""

    not_in_env: list[str]
    env_errs: list[str]


class Operator(Protocol):
    """The server as its operator sees it, ready for JSON. Times are in seconds since 1970. No answer holds a secret."""

    def settings(self) -> Rows:
        """Return every key of `.env` with its value, where that is no secret, and its fault."""

    def models(self) -> dict[str, Any]:
        """Return which models decide: hash, licence, calibration and thresholds. Raises `Refusal(BAD_ENV)`."""

    def keys(self) -> Rows:
        """Return all API keys, without the keys themselves. Raises `Refusal` BAD_ENV or DB_DOWN."""

    def make_key(self, label: str, scopes: Sequence[str], days: int) -> tuple[str, dict[str, Any]]:
        """Make a key, which ends after `days` (0: never). Raises `ValueError`, `Refusal` BAD_ENV or DB_DOWN."""

    def revoke_key(self, key_id: str) -> bool:
        """Revoke a key; whether there was one that was valid. Raises `Refusal` BAD_ENV or DB_DOWN."""

    def people(self, text: str, most: int) -> Rows:
        """Return people whose ID or name contains this text. Raises `Refusal` BAD_ENV or DB_DOWN."""

    def person(self, person_id: str) -> dict[str, Any]:
        """Return what is stored of a person. Raises `Refusal` NO_ROW, BAD_ENV or DB_DOWN."""

    def face(self, person_id: str, number: int) -> bytes:
        """Return one of a person's enrolled faces, from 0, as PNG. Raises `Refusal` NO_ROUTE, BAD_ENV or DB_DOWN."""

    def uploads(self, most: int) -> dict[str, Any]:
        """Return the newest uploads and when each ends. Raises `Refusal(BAD_ENV)`."""

    def note_sign_in(self) -> None:
        """Record in the audit that an operator has signed in, if that can be done now."""

    def log_file(self) -> Path:
        """Return where the log is. Raises `Refusal(BAD_ENV)`."""


class Source(Protocol):
    """Hands out services; one per application. It has what lets operators in, and what these see."""

    door: Door
    operator: Operator

    @property
    def keyring(self) -> Keyring:
        """The callers' keys."""

    def lease(self) -> AbstractContextManager[Services]:
        """Lend services for the current settings for a block; raises `Refusal(BAD_ENV)` where those are wrong."""

    def limits(self) -> Limits:
        """Return what counts requests and failures."""

    def system_errors(self) -> SystemErrors | None:
        """Return what is wrong with the settings, None where nothing is; never loads anything."""

    def max_upload_bytes(self) -> int:
        """Return the largest request body that is read."""

    def max_photos(self) -> int:
        """Return how many photos a request may have."""

    def rules(self) -> Rules:
        """Return what the operator decides about callers."""

    def liveness(self) -> Mapping[str, Any] | None:
        """Return which liveness engines judge and what they reach, None while none is loaded; never loads anything."""

    def gallery_people(self) -> int | None:
        """Return how many people are enrolled, None while that cannot be told; never loads anything."""

    def lacking(self) -> Mapping[str, Code]:
        """Return what requests would miss now, by name, with the code that they get; empty if the server is ready."""


def source() -> Source:
    """Return the application's source."""
    return cast(Source, current_app.extensions[EXTENSION])
