"""The audit: what is recorded, and the chain of HMACs that shows every later change.

An entry is one line of JSON. Its `mac` is an HMAC-SHA256 over the line without it, and the line holds the `mac` of the
entry before under `prev`. A person is named by `subject`, a pseudonym whose key is deleted when the person is
forgotten. There are no photos, embeddings, names or IDs in it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.ports import AuditEvent

START = "0" * 64
"""What the first entry has under `prev`."""
_SUBJECT = 32


@dataclass(frozen=True)
class Asker:
    """Who causes what is recorded: a key's id, `local` for callers of the open server, or a command's name."""

    who: str = "server"
    request_id: str = ""


ASKER: ContextVar[Asker] = ContextVar("asker", default=Asker())  # noqa: B039 - frozen
"""Who asks for what is happening in this thread."""


@dataclass(frozen=True)
class Head:
    """The last entry: its number, from 1, and its mac."""

    count: int = 0
    mac: str = START

    def __str__(self) -> str:
        return f"{self.count}:{self.mac}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read what `bin/audit head` printed; raises `ValueError`."""
        count, _, mac = text.strip().partition(":")
        if not (count.isascii() and count.isdigit() and len(mac) == len(START) and set(mac) <= set("0123456789abcdef")):
            raise ValueError("a head is a number, a colon and 64 hexadecimal digits")
        return cls(int(count), mac)


def subject_of(key: bytes, person_id: str) -> str:
    """Return the pseudonym of a person by the person's own key."""
    return hmac.new(key, person_id.encode(), hashlib.sha256).hexdigest()[:_SUBJECT]


def chained(key: bytes, head: Head, event: AuditEvent, subject: str, now: float) -> tuple[str, Head]:
    """Return an event's line, without the line break, and the head after it; `now` is in seconds since 1970."""
    asker = ASKER.get()
    entry = {
        "n": head.count + 1,
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        "action": event.action,
        "who": asker.who,
        "request": asker.request_id,
        "subject": subject,
        "code": event.code,
        "about": dict(event.about),
        "prev": head.mac,
    }
    mac = mac_of(key, entry)
    return _text({**entry, "mac": mac}), Head(head.count + 1, mac)


def mac_of(key: bytes, entry: Mapping[str, Any]) -> str:
    """Return the HMAC of an entry, with or without its own."""
    body = {name: value for name, value in entry.items() if name != "mac"}
    return hmac.new(key, _text(body).encode(), hashlib.sha256).hexdigest()


def digest_of(what: Mapping[str, Any]) -> str:
    """Return 16 hex digits that stand for thresholds and models in an entry."""
    return hashlib.sha256(_text(what).encode()).hexdigest()[:16]


def _text(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
