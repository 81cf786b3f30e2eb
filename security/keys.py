"""API keys: 256 random bits, kept as SHA-256, with scopes and an expiry."""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from security.callers import SCOPES

PREFIX = "faceapp_"
"""How every key begins, so that scanners for leaked secrets can recognise one."""


LONGEST_LABEL = 100
MOST_DAYS = 36_500
"""Days for which a key can be made."""
DAY_S = 86_400


@dataclass(frozen=True)
class KeyRecord:
    """What is stored of a key. Times are in seconds since 1970; `expires` and `revoked` are None for never.

    `digest` is the SHA-256 of the key in hex. `key_id` names the key in lists and logs and opens nothing.
    """

    key_id: str
    digest: str = field(repr=False)
    label: str
    scopes: frozenset[str]
    created: int
    expires: int | None
    revoked: int | None = None

    def state(self, now: float) -> str:
        """Return `valid`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "valid"


@dataclass(frozen=True)
class KeySet:
    """All keys that were ever made. Once there is one, nobody gets in without."""

    records: Sequence[KeyRecord] = ()

    def find(self, sent: str, now: float) -> KeyRecord | None:
        """Return the valid key whose text was sent. It takes as long whichever key it is, or none."""
        digest, found = digest_of(sent), None
        for record in self.records:
            if hmac.compare_digest(record.digest, digest):
                found = record
        return found if found is not None and found.state(now) == "valid" else None


def new_key(label: str, scopes: Collection[str], now: int, expires: int | None) -> tuple[str, KeyRecord]:
    """Draw a key; return its text, which is stored nowhere, and its record.

    Raises `ValueError` for unknown scopes, and for a label that is not 1 to `LONGEST_LABEL` printable characters.
    """
    if not 1 <= len(label) <= LONGEST_LABEL or not label.isprintable():
        raise ValueError(f"the name is 1 to {LONGEST_LABEL} printable characters")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise ValueError(f"scopes are {', '.join(SCOPES)}, and a key has one or more of them")
    text = PREFIX + secrets.token_urlsafe(32)
    return text, KeyRecord(secrets.token_hex(4), digest_of(text), label, frozenset(scopes), now, expires)


def digest_of(text: str) -> str:
    """Return the SHA-256 in hex. 256 random bits cannot be guessed, so a slow hash would protect nothing more."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
