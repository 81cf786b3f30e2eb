"""Names for people and uploads in logs, keyed with a key of the person's own that goes when the person is forgotten.

It is the key of the audit's pseudonyms, so that a name in the log is the beginning of the one in the audit. Somebody of
whom nothing is recorded has no key, and nobody has while the database is away: then a key that only this process knows
stands in.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable

KeyOf = Callable[[str, bool], bytes | None]
"""Returns an ID's key, empty where there is none; with True it is drawn then. None where nobody can be asked."""

_LENGTH = 16
_KEPT_S, _AWAY_S = 60.0, 5.0
_MOST_KEPT = 10_000
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}", re.ASCII)


class _Keys:
    """Keys of people that were named lately; thread-safe."""

    def __init__(self) -> None:
        self.own = secrets.token_bytes(32)
        self.key_of: KeyOf = lambda _id, _draw: None
        self._lock, self._kept = threading.Lock(), dict[str, tuple[bytes | None, float]]()

    def of(self, person_id: str, draw: bool) -> bytes:
        """Return the key that names a person."""
        if not _ID.fullmatch(person_id):
            return self.own
        now = time.monotonic()
        with self._lock:
            key, until = self._kept.get(person_id, (None, 0.0))
        if until < now:
            key = self.key_of(person_id, draw)
            if key != b"":  # which may change at any moment
                self._keep(person_id, key, now)
        return key or self.own

    def _keep(self, person_id: str, key: bytes | None, now: float) -> None:
        with self._lock:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[person_id] = key, now + (_AWAY_S if key is None else _KEPT_S)

    def drop(self, person_id: str) -> None:
        """Do not use a person's key any longer: the person was forgotten."""
        with self._lock:
            self._kept.pop(person_id, None)

    def use(self, key_of: KeyOf) -> None:
        """Look people's keys up there from now on."""
        with self._lock:
            self.key_of, self._kept = key_of, {}


_keys = _Keys()
use_keys, drop_key = _keys.use, _keys.drop


def pseudonym(person_id: str, *, draw: bool = False) -> str:
    """Return 16 hex digits for an ID; with `draw` its key is made where there is none, in a transaction of its own."""
    return keyed(_keys.of(person_id, draw), person_id)


def upload_pseudonym(upload_id: str) -> str:
    """Return 16 hex digits for an upload."""
    return keyed(_keys.of(upload_id.rpartition("-")[0], False), upload_id)


def log_name(subject: str) -> str:
    """Return what the log calls somebody whom the audit calls so."""
    return subject[:_LENGTH]


def passing_name(text: str) -> str:
    """Return 16 hex digits for anything else that may name somebody, the same until this process ends."""
    return keyed(_keys.own, text)


def keyed(key: bytes, text: str) -> str:
    """Return 16 hex digits of an HMAC-SHA256."""
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_LENGTH]
