"""What the operator's side asks of the server beside what the endpoints ask: all of it is ready for JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

Rows = list[dict[str, Any]]


class Operator(Protocol):
    """The server as its operator sees it. Times are in seconds since 1970. No answer holds a secret."""

    def settings(self) -> Rows:
        """Return every key of `.env` with its value, where that is no secret, and its fault."""

    def models(self) -> dict[str, Any]:
        """Return which models decide: hash, licence, calibration and thresholds. Raises `Refusal(BAD_ENV)`."""

    def keys(self) -> Rows:
        """Return all API keys, without the keys themselves. Raises `Refusal` BAD_ENV or DB_DOWN."""

    def make_key(self, label: str, scopes: Sequence[str], days: int) -> tuple[str, dict[str, Any]]:
        """Make a key, which ends after `days` (0: never); return its text and what `keys` shows of it.

        Raises `ValueError` for a bad label or bad scopes, `Refusal` BAD_ENV or DB_DOWN.
        """

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
