"""The photos of a request: files of a multipart body, or base64 text in JSON or a form; and its other fields."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Request, g

from api.bodies import FORM, MULTIPART, Part, form_fields, json_object, parts, too_many
from codes_dict import Code, Refusal
from pipeline.flows import SentFile

DAMAGED = "The base64 text is damaged. Encode the file's bytes again."

NOT_READ = (
    "The server reads neither addresses nor paths: send the photo itself, as base64 text, as a data URL or as a file."
)
ADDRESS = f"This is an address or a path. {NOT_READ}"
NAMED = "A field has the name of a file in place of the file. With curl: -F photo=@FILE."

_ADDRESS = re.compile(r"\s*+(?:[a-z][a-z0-9+.-]{0,30}:|[~.\\]|/(?!9j/)|[^,]{1,250}\.[a-z0-9]{2,5}\s*+$)", re.IGNORECASE)
"""What text that is no base64 is taken for an address or a path by: a scheme, how a path begins, a file's name. A JPEG
in base64 begins as /9j/."""
_FILE_NAME = re.compile(r"[^,]{1,250}\.(jpe?g|png|webp|hei[cf]|avif|gif|tiff?|bmp)\s*+", re.IGNORECASE)
_DATA_URL = re.compile(r"\s*data:[^,]{0,200},", re.ASCII | re.IGNORECASE)
_BASE64_URL = re.compile(r"\s*data:[^,]{0,200};\s*base64\s*,", re.ASCII | re.IGNORECASE)
_PRINTED = re.compile(r"\s*b(['\"])([^'\"]*)\1\s*", re.ASCII)
"""Bytes as Python's `str` shows them, which is what some clients send who are told to make text of base64."""
_WHITE_SPACE = b" \t\r\n\f\v"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BINARY_TYPES = ("image/", "application/octet-stream")
_LONGEST_NAME = 200
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{0,30})?([eE]-?[0-9]{1,2})?", re.ASCII)


ALL = ""
"""The set of all photos, of an endpoint that takes one."""

_FLAGS = {"true": "true", "1": "true", "false": "", "0": ""}
_ABSENT = object()


@dataclass(frozen=True, eq=False)
class Sent:
    """What a request brought: photos by the set that they belong to, and its other fields, in the order of arrival.

    A field's value is text, or in JSON whatever was sent.
    """

    photos: Mapping[str, list[SentFile]]
    fields: Sequence[tuple[str, object]]

    def text(self, key: str, default: str = "") -> str:
        """Return a field; refuses with VALUE_REFUSED what is no text."""
        if (value := self._value(key)) is _ABSENT:
            return default
        if not isinstance(value, str):
            raise Refusal(Code.VALUE_REFUSED, advice=f"Send {key} as text.", field=key)
        return value

    def has(self, key: str) -> bool:
        """Whether a field was sent; JSON's null says nothing."""
        return any(name == key and value is not None for name, value in self.fields)

    def flag(self, key: str) -> bool:
        """Return a field that is true or false, false where it is absent; refuses with VALUE_REFUSED."""
        return bool(self.choice(key, _FLAGS))

    def choice(self, key: str, choices: Mapping[str, str]) -> str:
        """Return what a field's value stands for, in any letter case, an empty text where it is absent."""
        if (value := self._value(key)) is _ABSENT:
            return ""
        written = str(value).lower() if isinstance(value, str | int) else ""
        if written not in choices:
            raise Refusal(Code.VALUE_REFUSED, advice=f"Set {key} to one of {', '.join(choices)}.", field=key)
        return choices[written]

    def number(self, key: str, low: int, high: int, default: int) -> int:
        """Return a field that is a whole number from `low` to `high`; refuses with VALUE_REFUSED."""
        if (value := self._value(key)) is _ABSENT:
            return default
        value = int(value) if isinstance(value, float) and value.is_integer() else value  # JSON's 50.0 is 50
        written = str(value) if isinstance(value, str | int | float) else ""
        if not (_WHOLE.fullmatch(written) and low <= int(written) <= high):
            raise Refusal(Code.VALUE_REFUSED, advice=f"Set {key} to a whole number, {low} to {high}.", field=key)
        return int(written)

    def decimal(self, key: str, low: float, high: float, default: float) -> float:
        """Return a field that is a decimal number from `low` to `high`; refuses with VALUE_REFUSED."""
        if (value := self._value(key)) is _ABSENT:
            return default
        written = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
        if not (_DECIMAL.fullmatch(written) and low <= float(written) <= high):
            raise Refusal(Code.VALUE_REFUSED, advice=f"Set {key} to a number, {low:g} to {high:g}.", field=key)
        return float(written)

    def _value(self, key: str) -> object:
        """Return a field's value; refuses with MALFORMED where it was sent more than once."""
        values = [value for name, value in self.fields if name == key]
        if len(values) > 1:
            raise Refusal(Code.MALFORMED, advice=f"{key} was sent {len(values)} times. Send it once.", field=key)
        return values[0] if values else _ABSENT


def sent(request: Request, most: int, sets: Sequence[str] = ()) -> Sent:
    """Return a request's photos and its fields, those of the query among them.

    With `sets`, a photo belongs to the set that its key names, and text under such a key is base64. Without, all photos
    are the set ALL: every file, the text of `image*` keys, and any other text that is a base64 data URL; those without
    a name are called `image_1`, `image_2` and so on.
    Refuses with TOO_LARGE where there are more than `most`, before any is decoded, and with the codes of `api.bodies`.
    """
    found: dict[str, list[Part | object]] = {key: [] for key in sets or (ALL,)}
    fields: list[tuple[str, object]] = list(request.args.items(multi=True))
    pairs = list(_pairs(request, most))
    _note_unread(request, pairs)
    for key, value in pairs:
        photos = _photos_in(key, value, sets)
        if photos:
            found[key if sets else ALL] += photos
        elif not isinstance(value, Part):
            fields.append((key, value))
    if not any(found.values()) and any(isinstance(value, str) and _FILE_NAME.fullmatch(value) for _, value in pairs):
        g.unread = NAMED
    if sum(map(len, found.values())) > most:
        raise too_many(most)
    by_form = request.mimetype == FORM
    return Sent({key: list(_named(its, key or "image", by_form)) for key, its in found.items()}, fields)


def _pairs(request: Request, most: int) -> Iterator[tuple[str, Part | object]]:
    """Yield what a body holds: files as parts, anything else as the value that was sent."""
    if request.is_json:
        yield from json_object(request, most).items()
    elif request.mimetype == FORM:
        yield from form_fields(request, most)
    elif request.mimetype == MULTIPART:
        for part in parts(request, most):
            if _is_file(part):
                yield part.name, part
            elif part.filename is None:
                yield part.name, part.data.decode()


def _note_unread(request: Request, pairs: Sequence[tuple[str, object]]) -> None:
    """Let a refusal say, by `g.unread`, that the body was not read as its sender meant it."""
    if request.content_length and not request.is_json and request.mimetype not in (FORM, MULTIPART):
        g.unread = f"The body was not read: Content-Type must be application/json, {FORM} or {MULTIPART}."
    elif request.mimetype == FORM and pairs and pairs[0][0].lstrip().startswith("{"):
        g.unread = "The body looks like JSON: send it with Content-Type: application/json."


def _photos_in(key: str, value: Part | object, sets: Sequence[str]) -> list[Part | object]:
    """Return the photos under a key, none where it is another field."""
    if isinstance(value, Part):
        return [value] if not sets or key in sets else []
    if value is not None and (key in sets or (not sets and key.startswith("image"))):
        return value if isinstance(value, list) else [value]
    return [value] if not sets and isinstance(value, str) and _BASE64_URL.match(value) else []


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


def _named(found: list[Part | object], prefix: str, by_form: bool) -> Iterator[SentFile]:
    unnamed = 0
    for one in found:
        name = _display_name(one.filename) if isinstance(one, Part) and one.filename else ""
        unnamed += not name
        name = name or f"{prefix}_{unnamed}"
        yield SentFile(name, one.data) if isinstance(one, Part) else _from_text(name, one, by_form)


def _display_name(name: str) -> str:
    """Return what replies call a file: its last component, printable, of bounded length. Never used on disk."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(one for one in last if one.isprintable())[:_LONGEST_NAME]
    return printable or "file"


def _from_text(name: str, text: object, by_form: bool) -> SentFile:
    """Decode base64: standard or URL-safe, padded or not, with line breaks, a data URL's head, or as `b'...'`."""
    if not isinstance(text, str):
        return SentFile(name, None, DAMAGED)
    printed = _PRINTED.fullmatch(text)
    text = printed[2] if printed else text
    prefix = _DATA_URL.match(text)
    bare = text[prefix.end() :] if prefix else text
    if by_form and " " in bare.strip():
        return SentFile(name, None, "The base64 text has spaces in place of +. In a form, percent-encode + as %2B.")
    try:
        digits = bare.encode("ascii").translate(_URL_SAFE, _WHITE_SPACE).rstrip(b"=")
        data = base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except ValueError:
        data = b""
    if data:
        return SentFile(name, data)
    return SentFile(name, None, ADDRESS if not prefix and _ADDRESS.match(text) else DAMAGED)
