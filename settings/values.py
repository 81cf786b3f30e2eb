"""The kinds of values in `.env`: each is a type with the check of its text and a description of what it accepts.

A check raises `PydanticCustomError` with words that follow the key. They never quote the value, which may be a secret.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, GetCoreSchemaHandler, StringConstraints
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import CoreSchema, NoInfoValidatorFunction, WithInfoValidatorFunction

from pipeline.registry import LIVENESS_FILES, REGISTRY, SIM_FUNCS

_KEY_BYTES = 32


@dataclass(frozen=True)
class Accepts:
    """What a value may be, in words for faults and for the documentation, and the check that reads its text."""

    words: str
    check: NoInfoValidatorFunction | WithInfoValidatorFunction = str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return BeforeValidator(self.check).__get_pydantic_core_schema__(source, handler)


def wrong(words: str) -> PydanticCustomError:
    """Return the error that says what is wrong with a value."""
    return PydanticCustomError("bad_value", words)


def matching(pattern: str, otherwise: str) -> Callable[[str], str]:
    """Return a check that the whole text matches a pattern; `otherwise` says what is wrong."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise wrong(otherwise)
        return text

    return check


def one_of(*words: str) -> Accepts:
    """Accept one of several words."""

    def check(text: str) -> str:
        if text not in words:
            raise wrong("is none of the accepted words")
        return text

    return Accepts(f"{', '.join(words[:-1])} or {words[-1]}", check)


def several_of(words: Collection[str], least: int = 1) -> Accepts:
    """Accept `least` (1 or 2) or more different words, separated by commas; the value is a tuple."""

    def check(text: str) -> tuple[str, ...]:
        found = tuple(word.strip() for word in text.split(","))
        for place, word in enumerate(found, start=1):
            if word not in words:
                raise wrong(f"name {place} of {len(found)} is unknown")
        if len(set(found)) != len(found):
            raise wrong("contains a name twice")
        if len(found) < least:
            raise wrong(f"contains fewer than {least} names")
        return found

    return Accepts(f"{('one', 'two')[least - 1]} or more of {', '.join(words)}, separated by commas", check)


def host(text: str) -> str:
    """Return a host name or an IP address as it is usually written."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        label = r"(?!-)[A-Za-z0-9_-]{1,63}"
        if not re.fullmatch(rf"{label}(?:\.{label})*\.?", text, re.ASCII) or re.fullmatch(r"[0-9.]+", text, re.ASCII):
            raise wrong("is neither a host name nor an IP address") from None
    return text


def server(text: str) -> str:
    """Return `host` or `host:port`; an IPv6 address is returned in brackets."""
    address = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
    parts = re.fullmatch(r"(?:\[(.+:.+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?", address, re.ASCII)
    if parts is None:
        raise wrong("is not a host with an optional port")
    host(parts[1] or parts[2])
    if parts[3] and not 1 <= int(parts[3]) <= 65535:
        raise wrong("has a port out of range")
    return address


def url(text: str) -> str:
    """Return an http or https URL with a host."""
    try:
        parts = urlsplit(text)
        host_name, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not host_name or re.search(r"\s", text):
        raise wrong("is not an http or https URL")
    return text


def regular_expression(text: str) -> str:
    """Return a pattern that compiles with `re.ASCII`."""
    if not text:
        raise wrong("is empty")
    try:
        re.compile(text, re.ASCII)
    except (re.error, ValueError, OverflowError, RecursionError):
        raise wrong("does not compile") from None
    return text


def password(text: str) -> str:
    """Return a password that is long and mixed enough."""
    required = {
        "an upper-case letter": any(c.isupper() for c in text),
        "a lower-case letter": any(c.islower() for c in text),
        "a digit": any(c.isdigit() for c in text),
        "a symbol": any(not c.isalnum() and not c.isspace() for c in text),
        "eight characters": len(text) >= 8,
    }
    missing = [what for what, is_there in required.items() if not is_there]
    if missing:
        raise wrong(f"lacks {', '.join(missing)}")
    return text


def each(check: Callable[[str], Any], words: str) -> Accepts:
    """Accept nothing, or values that `check` accepts, separated by commas; the value is a tuple."""

    def check_all(text: str) -> tuple[Any, ...]:
        return tuple(check(part.strip()) for part in text.split(",")) if text else ()

    return Accepts(f"{words}, separated by commas; may be empty", check_all)


def origin(text: str) -> str:
    """Return the origin of web pages as browsers send it: `http://host` or `https://host`, with a port where needed."""
    parts = urlsplit(url(text.lower()))
    if text.lower() != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise wrong("is not an origin")
    return text.lower()


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return an IP address or a network as a network."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise wrong("is neither an IP address nor a network") from None


def limit(text: str) -> str:
    """Return a rate such as `5/3 minutes`; nothing for `off`."""
    rate = "(?i)[1-9][0-9]{0,6} *(?:/|per) *(?:[1-9][0-9]{0,3} *)?(?:second|minute|hour|day)s?"
    if text.lower() != "off" and not re.fullmatch(rate, text, re.ASCII):
        raise wrong("is no number of times in a period")
    return "" if text.lower() == "off" else text


def data_key(text: str) -> tuple[bytes | None, ...]:
    """Return keys of 32 bytes, the one that seals first; None stands for `none`, files that are not sealed."""
    keys = tuple(_key(one.strip()) for one in text.split(",")) if text else (None,)
    if len(set(keys)) != len(keys):
        raise wrong("contains a key twice")
    return keys


def _key(text: str) -> bytes | None:
    if text.lower() == "none":
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise wrong(f"holds something that is not {_KEY_BYTES} bytes in base64")
    return key


def limit_store(text: str) -> str:
    """Return the URL of a store of limits."""
    if text == "memory":
        return "memory://"
    try:
        parts = urlsplit(text)
        is_redis = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_redis = False
    if not is_redis:
        raise wrong("is neither memory nor the URL of a Redis")
    if find_spec("redis") is None:
        raise wrong("needs a package: .venv/bin/python -m pip install --no-deps -r requirements-redis.txt")
    return text


IDENTIFIER = "an SQL identifier (letters, digits, _)"
_NAME, _NO_NAME = "(?![0-9]+$)[A-Za-z0-9_]{1,64}", "is not an SQL identifier"
_DECIMAL = r"[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?"

DataKey = Annotated[
    tuple[bytes | None, ...],
    Accepts(
        "32 bytes in base64; may be empty; while it is changed, the key before or none follows after a comma",
        data_key,
    ),
]
User = Annotated[str, Accepts("a user name; may be empty with SQLite")]
Secret = Annotated[str, Accepts("a password; may be empty")]
Password = Annotated[
    str, Accepts("8 or more characters with an upper-case letter, a lower-case letter, a digit and a symbol", password)
]
Schema = Annotated[str, Accepts(f"{IDENTIFIER}; may be empty with SQLite", matching(f"|{_NAME}", _NO_NAME))]
Table = Annotated[
    str,
    Accepts(f"{IDENTIFIER} that does not begin with faceapp_", matching(_NAME, _NO_NAME)),
    BeforeValidator(matching("(?i)(?!faceapp_).*", "begins like the server's own tables")),
]
Column = Annotated[str, Accepts(f"{IDENTIFIER}, a different one for each column", matching(_NAME, _NO_NAME))]
Whole = Annotated[int, Accepts("a whole number", matching("[0-9]{1,15}", "is not a whole number"))]
Decimal = Annotated[float, Accepts("a decimal number", matching(_DECIMAL, "is not a decimal number"))]
Flag = Annotated[bool, Accepts("true or false", matching("(?i)true|false", "is neither true nor false"))]
Url = Annotated[str, Accepts("an http or https URL; Google Drive links work", url)]
Limit = Annotated[str, Accepts("off, or a number of times in a period such as 600/minute or 5/3 minutes", limit)]
LimitStore = Annotated[str, Accepts("memory, or redis://host:port", limit_store)]
Hosts = Annotated[tuple[str, ...], each(lambda text: host(text).lower(), "host names")]
Origins = Annotated[tuple[str, ...], each(origin, "http(s)://host or http(s)://host:port")]
Networks = Annotated[
    tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...],
    each(network, "IP addresses or networks such as 10.0.0.0/8"),
]
Host = Annotated[str, Accepts("a host name or an IP address", host)]
KerasFile = Annotated[
    str, Accepts("a file name ending in .h5 or .keras", matching(r"[^/\\]+\.(?:h5|keras)", "is not such a file name"))
]
Sha256 = Annotated[
    str,
    Accepts("64 hexadecimal digits; may be empty", matching("|[0-9a-fA-F]{64}", "is not a SHA-256")),
    StringConstraints(to_lower=True),
]
Pattern = Annotated[str, Accepts("a regular expression that compiles", regular_expression)]
Models = Annotated[tuple[str, ...], several_of(REGISTRY)]
_ENGINES = several_of(("cnn", *LIVENESS_FILES))
Engines = Annotated[
    tuple[str, ...],
    Accepts(f"auto, or {_ENGINES.words}", lambda text: () if text == "auto" else _ENGINES.check(text)),
]
Skip = Annotated[
    str,
    Accepts("auto, true or false", matching("(?i)auto|true|false", "is none of auto, true and false")),
    StringConstraints(to_lower=True),
]
Hide = Annotated[str, one_of("auto", "true", "false")]
TightFaces = Annotated[str, one_of("uncertain", "judge")]
Challenges = Annotated[tuple[str, ...], several_of(("turn_left", "turn_right", "smile", "blink"), least=2)]
Distance = Annotated[str, one_of(*SIM_FUNCS)]
LogFormat = Annotated[str, one_of("text", "json")]
Recognised = Annotated[str, one_of("accepted", "nearest")]
Action = Annotated[str, one_of("refuse", "warn", "off")]
