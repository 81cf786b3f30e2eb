"""Signed receipts of what was forgotten. A receipt names the person by a keyed pseudonym alone."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_LENGTH = 16
_FORMAT = "faceapp-forgotten-1"


def receipt_name(key: bytes, person_id: str) -> str:
    """Return what a receipt calls a person: 16 hex digits, the same as long as the installation keeps its key."""
    return hmac.new(key, person_id.encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def make_receipt(key: bytes, person: str, removed: Mapping[str, int], time: float) -> dict[str, Any]:
    """Return a receipt, signed with HMAC-SHA256. `person` is the pseudonym, `time` in seconds since 1970."""
    when = datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
    body = {"format": _FORMAT, "person": person, "time": when, "removed": dict(removed)}
    return {**body, "signature": _signature(key, body)}


def is_genuine(key: bytes, receipt: Mapping[str, Any]) -> bool:
    """Whether a receipt was signed with this key and is unchanged."""
    body = {name: value for name, value in receipt.items() if name != "signature"}
    return hmac.compare_digest(_signature(key, body), str(receipt.get("signature", "")))


def _signature(key: bytes, body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()
