"""The photos of a request: files of a multipart body, or base64 text in JSON or a form."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator

from flask import Request

from api.bodies import FORM, MULTIPART, Part, form_fields, json_object, parts, too_many
from pipeline.flows import SentFile

DAMAGED = "The base64 text is damaged. Encode the file's bytes again."
SPOILT = "The base64 text has spaces in place of +. In a form, percent-encode + as %2B."

_DATA_URL = re.compile(r"\s*data:[^,]{0,200},", re.ASCII | re.IGNORECASE)
_BASE64_URL = re.compile(r"\s*data:[^,]{0,200};\s*base64\s*,", re.ASCII | re.IGNORECASE)
_WHITE_SPACE = b" \t\r\n\f\v"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BINARY_TYPES = ("image/", "application/octet-stream")
_LONGEST_NAME = 200


def sent_files(request: Request, most: int) -> list[SentFile]:
    """Return the photos in the order they were sent; those without a name are called `image_1`, `image_2` and so on.

    Base64 text is read from JSON's or a form's `image*` keys, and from any other value that is a base64 data URL.
    Refuses with TOO_LARGE where there are more than `most`, before any is decoded, and with the codes of `api.bodies`.
    """
    found = list(_found(request, most))
    if len(found) > most:
        raise too_many(most)
    return list(_named(found, by_form=request.mimetype == FORM))


def _found(request: Request, most: int) -> Iterator[Part | object]:
    """Yield the parts that are files, and the values that should be base64 text."""
    pairs: Iterable[tuple[str, object]] = ()
    if request.is_json:
        pairs = json_object(request, most).items()
    elif request.mimetype == FORM:
        pairs = form_fields(request, most)
    elif request.mimetype == MULTIPART:
        for part in parts(request, most):
            yield from [part] if _is_file(part) else _text(part)
    for key, value in pairs:
        yield from _values(key, value)


def _text(part: Part) -> Iterator[object]:
    return _values(part.name, part.data.decode()) if part.filename is None else iter(())


def _values(key: str, value: object) -> Iterator[object]:
    if key.startswith("image") and value is not None:
        yield from value if isinstance(value, list) else [value]
    elif isinstance(value, str) and _BASE64_URL.match(value):
        yield value


def _is_file(part: Part) -> bool:
    """Whether a part is a file: some clients send files without a name, browsers an empty part for an empty field."""
    if part.filename is not None:
        return bool(part.filename or part.data)
    return part.content_type.startswith(_BINARY_TYPES) or not _is_text(part.data)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _named(found: list[Part | object], by_form: bool) -> Iterator[SentFile]:
    unnamed = 0
    for one in found:
        name = _display_name(one.filename) if isinstance(one, Part) and one.filename else ""
        unnamed += not name
        name = name or f"image_{unnamed}"
        yield SentFile(name, one.data) if isinstance(one, Part) else _from_text(name, one, by_form)


def _display_name(name: str) -> str:
    """Return what replies call a file: its last component, printable, of bounded length. Never used on disk."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(one for one in last if one.isprintable())[:_LONGEST_NAME]
    return printable or "file"


def _from_text(name: str, text: object, by_form: bool) -> SentFile:
    """Decode base64: standard or URL-safe, padded or not, with line breaks, with or without the head of a data URL."""
    if not isinstance(text, str):
        return SentFile(name, None, DAMAGED)
    prefix = _DATA_URL.match(text)
    bare = text[prefix.end() :] if prefix else text
    if by_form and " " in bare.strip():
        return SentFile(name, None, SPOILT)
    try:
        digits = bare.encode("ascii").translate(_URL_SAFE, _WHITE_SPACE).rstrip(b"=")
        data = base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except ValueError:
        data = b""
    return SentFile(name, data) if data else SentFile(name, None, DAMAGED)
