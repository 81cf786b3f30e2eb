"""Names for people and uploads in logs and receipts: keyed, so that only this installation can tell whom they mean."""

from __future__ import annotations

import hashlib
import hmac
import secrets

_LENGTH = 16
_key = [secrets.token_bytes(32)]


def use_key(key: bytes) -> None:
    """Use the installation's key from now on, in place of one that only this process knows."""
    _key[0] = key


def pseudonym(text: str) -> str:
    """Return 16 hex digits for an ID or an upload_id, the same each time as long as the key is the same."""
    return hmac.new(_key[0], text.encode(), hashlib.sha256).hexdigest()[:_LENGTH]
