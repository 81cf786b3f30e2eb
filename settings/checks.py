"""What the values of `.env` have to look like: checks take a value's text and return what it means.

What is wrong is raised as `BadValueError`, in words that never quote the value: it may be a secret, and the
words reach replies.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection
from pathlib import Path
from urllib.parse import urlsplit

Check = Callable[[str, Path], object]
"""Takes a value and the folder that relative paths start from; returns what it means or raises."""

HOST_NAME = r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.(?!-)[A-Za-z0-9_-]{1,63})*\.?"


class BadValueError(ValueError):
    """What is wrong with a value, in words that follow the key."""


def text(value: str, base: Path) -> str:
    """Accept any text, even none."""
    return value


def optional(check: Check, nothing: object) -> Check:
    """Return a check that takes an empty value for `nothing` and leaves all others to `check`."""
    return lambda value, base: check(value, base) if value else nothing


def one_of(*words: str) -> Check:
    """Return a check for one word of a list."""

    def check(value: str, base: Path) -> str:
        if value not in words:
            raise BadValueError("is none of the accepted words")
        return value

    return check


def words_of(*, known: Collection[str], least: int = 1) -> Check:
    """Return a check for a comma-separated list of different known words, `least` or more; it returns a tuple."""

    def check(value: str, base: Path) -> tuple[str, ...]:
        words = tuple(word.strip() for word in value.split(","))
        for place, word in enumerate(words, start=1):
            if word not in known:
                raise BadValueError(f"name {place} of {len(words)} is not known")
        if len(set(words)) != len(words):
            raise BadValueError("names something twice")
        if len(words) < least:
            raise BadValueError(f"names fewer than {least}")
        return words

    return check


def whole(low: int, high: int) -> Check:
    """Return a check for a whole number of a range, both ends included."""

    def check(value: str, base: Path) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", value, re.ASCII):
            raise BadValueError("is not a whole number")
        return int(_within(int(value), low, high))

    return check


def decimal(low: float, high: float) -> Check:
    """Return a check for a decimal number of a range, both ends included; `1e-3` is one too."""

    def check(value: str, base: Path) -> float:
        if not re.fullmatch(r"[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?", value, re.ASCII):
            raise BadValueError("is not a decimal number")
        return _within(float(value), low, high)

    return check


def flag(value: str, base: Path) -> bool:
    """Accept `true` and `false` in any letter case."""
    if value.lower() not in {"true", "false"}:
        raise BadValueError("is neither true nor false")
    return value.lower() == "true"


def identifier(value: str, base: Path) -> str:
    """Accept an SQL identifier: up to 64 letters, digits and `_`, not digits alone."""
    if not re.fullmatch(r"(?![0-9]+$)[A-Za-z0-9_]{1,64}", value, re.ASCII):
        raise BadValueError("is not an SQL identifier")
    return value


def table(value: str, base: Path) -> str:
    """Accept an SQL identifier that does not look like one of the server's own tables."""
    if value.lower().startswith("faceapp_"):
        raise BadValueError("begins like the server's own tables")
    return identifier(value, base)


def split_host(value: str) -> tuple[str, int | None]:
    """Split `host`, `host:port`, an IPv6 address or `[IPv6]:port`; raises `BadValueError`."""
    if value.count(":") > 1 and not value.startswith("["):
        return host(value, Path()), None
    parts = re.fullmatch(r"(?:\[(?P<six>[^\]]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?", value, re.ASCII)
    if parts is None:
        raise BadValueError("is not a host with an optional port")
    port = parts["port"]
    return host(parts["six"] or parts["name"], Path()), None if port is None else int(_within(int(port), 1, 65535))


def host(value: str, base: Path) -> str:
    """Accept a host's name or address."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        if not re.fullmatch(HOST_NAME, value, re.ASCII) or re.fullmatch(r"[0-9.]+", value, re.ASCII):
            raise BadValueError("is neither a host name nor an IP address") from None
    return value


def url(value: str, base: Path) -> str:
    """Accept an http or https URL with a host."""
    try:
        parts = urlsplit(value)
        host_name, _ = parts.hostname, parts.port
    except ValueError:
        raise BadValueError("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not host_name or re.search(r"\s", value):
        raise BadValueError("is not an http or https URL")
    return value


def model_name(value: str, base: Path) -> str:
    """Accept the name of a Keras model's file, without a folder."""
    if not re.fullmatch(r"[^/\\]+\.(?:h5|keras)", value):
        raise BadValueError("is not the name of a Keras model's file")
    return value


def pattern(value: str, base: Path) -> str:
    """Accept a regular expression that compiles with `re.ASCII`."""
    if not value:
        raise BadValueError("is empty")
    try:
        re.compile(value, re.ASCII)
    except (re.error, ValueError, OverflowError, RecursionError):
        raise BadValueError("does not compile") from None
    return value


def sha256(value: str, base: Path) -> str:
    """Accept a SHA-256 in hex; returned in lower case."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise BadValueError("is not a SHA-256 in hex")
    return value.lower()


def password(value: str, base: Path) -> str:
    """Accept 8 characters or more with an upper-case letter, a lower-case one, a digit and a symbol."""
    wants = {
        "an upper-case letter": any(c.isupper() for c in value),
        "a lower-case letter": any(c.islower() for c in value),
        "a digit": any(c.isdigit() for c in value),
        "a symbol": any(not c.isalnum() and not c.isspace() for c in value),
        "eight characters": len(value) >= 8,
    }
    lacking = [what for what, there in wants.items() if not there]
    if lacking:
        raise BadValueError(f"lacks {', '.join(lacking)}")
    return value


def _within(number: float, low: float, high: float) -> float:
    if not low <= number <= high:
        raise BadValueError("is out of range")
    return number
