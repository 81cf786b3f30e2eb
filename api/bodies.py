"""Request bodies, read within bounds: fields, entries and parts are counted before anything is made of them."""

import codecs
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO, NoReturn
from urllib.parse import unquote_to_bytes

from flask import Request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Event, Field, File, MultipartDecoder, NeedData, State

from codes_dict import Code, Refusal

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
OTHER_FIELDS = 50
"""Fields, entries or parts that a request may have beside its photos."""
COMMAS = 3
"""Commas of a JSON body for each value that it may hold: the one after it, that of a data URL, and one to spare."""
MOST_ESCAPES = 4_000_000
"""Percent-encoded bytes of a form: those of 128 MB of base64. Each takes almost a microsecond."""
CHUNK = 16 * 1024
LONGEST_PART_HEADER = CHUNK
_LONGEST_KEY = 64
"""Characters of a key that a reply repeats."""
CHARSETS = ("ascii", "utf-8", "iso8859", "cp125", "koi8", "gb", "big5", "euc_", "shift_jis", "cp932", "cp949")
"""How the names of Python's codecs begin that a form may be written in: each keeps ASCII as it is."""


@dataclass(frozen=True)
class Part:
    """A part of a multipart body. `filename` is None where the part has none."""

    filename: str | None
    name: str
    content_type: str
    data: bytes


def too_many(photos: int) -> Refusal:
    """Return the refusal of a request with more than `photos` photos or `OTHER_FIELDS` other fields."""
    most = "one photo" if photos == 1 else f"{photos} photos"
    advice = f"Send at most {most} and {OTHER_FIELDS} other fields in one request."
    return Refusal(Code.TOO_LARGE, advice=advice)


def form_fields(request: Request, photos: int) -> list[tuple[str, str]]:
    """Return a form's keys and values in order, read by the charset that Content-Type states, UTF-8 without one.

    Bytes that the charset does not know become lone surrogates: nothing that is checked as text accepts them.
    """
    charset, body = _charset(request), request.get_data(cache=False)
    if body.count(b"&") >= photos + OTHER_FIELDS:
        raise too_many(photos)
    if body.count(b"%") > MOST_ESCAPES:
        raise Refusal(
            Code.TOO_LARGE, advice="Percent-encode only what must be, or send the photos as multipart/form-data."
        )
    pairs = (pair.partition(b"=") for pair in body.split(b"&") if pair)
    return [(_unquoted(key, charset), _unquoted(value, charset)) for key, _, value in pairs]


def _unquoted(text: bytes, charset: str) -> str:
    """Decode percent-encoding a piece at a time: decoding takes a hundred times the memory of what it decodes."""
    text = text.replace(b"+", b" ")
    pieces: list[bytes] = []
    start = 0
    while start < len(text):
        end = start + CHUNK
        while (cut := text.rfind(b"%", end - 2, end)) >= 0:  # an escape that does not end before the piece does
            end = cut + 3
        pieces.append(unquote_to_bytes(text[start:end]))
        start = end
    return b"".join(pieces).decode(charset, "surrogateescape")


def _charset(request: Request) -> str:
    stated = request.mimetype_params.get("charset", "utf-8")
    try:
        known = codecs.lookup(stated).name
    except (LookupError, ValueError):
        known = ""
    if not known.startswith(CHARSETS):
        raise Refusal(Code.BAD_FORM, advice="Encode the form as UTF-8: the charset in Content-Type is not supported.")
    return known


def json_object(request: Request, photos: int) -> dict[str, object]:
    """Return a JSON body's object, an empty one where it is valid but no object; refuses with BAD_JSON."""
    found = json_value(request, photos)
    return found if isinstance(found, dict) else {}


def json_value(request: Request, values: int) -> object:
    """Return a JSON body, whatever it is, with about so many values at most; refuses with BAD_JSON and TOO_LARGE."""
    body = request.get_data(cache=False)
    if body.count(b",") > COMMAS * (values + OTHER_FIELDS):
        raise too_many(values)
    try:
        return json.loads(body, parse_constant=_not_json, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        advice = f"{error.msg} at {where}. {Code.BAD_JSON.caller_does}"
        raise Refusal(Code.BAD_JSON, advice=advice) from error
    except (ValueError, RecursionError) as error:
        raise Refusal(Code.BAD_JSON) from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object; refuses keys that stand twice, of which other programs take the first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        key = Counter(key for key, _ in pairs).most_common(1)[0][0]
        advice = "A key stands more than once in an object of the JSON body. Send it once."
        raise Refusal(Code.BAD_JSON, advice=advice, field=key[:_LONGEST_KEY])
    return found


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def parts(request: Request, photos: int) -> list[Part]:
    """Return the parts of a multipart body; refuses with MALFORMED what is not one."""
    found: list[Part] = []
    head: Field | File | None = None
    content = BytesIO()  # one block that grows: pieces and what is joined of them would be held at once
    for event in _events(request):
        if isinstance(event, Field | File):
            head, content = event, BytesIO()
            if len(found) >= photos + OTHER_FIELDS:
                raise too_many(photos)
        elif isinstance(event, Data) and head is not None:
            content.write(event.data)
            if not event.more_data:
                found.append(_part(head, content.getvalue()))
    return found


def _part(head: Field | File, data: bytes) -> Part:
    filename = head.filename if isinstance(head, File) else None
    return Part(filename, head.name or "", head.headers.get("Content-Type", "").lower(), data)


def _events(request: Request) -> Iterator[Event]:
    """Yield the events of a multipart body up to its last boundary; what comes after that does not count."""
    try:
        boundary = request.mimetype_params.get("boundary", "").encode("ascii")
        if not boundary:
            raise Refusal(Code.MALFORMED, advice="State the boundary of multipart/form-data in Content-Type.")
        yield from _decoded(request.stream, _Decoder(boundary, CHUNK + LONGEST_PART_HEADER))
    except ValueError as error:
        advice = "The multipart body is damaged or cut off. Send it again, whole, with the boundary of Content-Type."
        raise Refusal(Code.MALFORMED, advice=advice) from error


class _Decoder(MultipartDecoder):
    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        """Read the headers of a part as UTF-8, else as Latin-1: old clients send file names as they are stored."""
        try:
            return super()._parse_headers(data)
        except UnicodeDecodeError:
            return super()._parse_headers(data.decode("latin-1").encode())


def _decoded(stream: IO[bytes], decoder: MultipartDecoder) -> Iterator[Event]:
    data = stream.read(CHUNK)
    if not data:
        return  # an empty body has no parts
    while not _is_over(decoder):
        try:
            decoder.receive_data(data or None)
        except RequestEntityTooLarge as error:
            advice = f"Keep the headers of a part below {LONGEST_PART_HEADER} bytes."
            raise Refusal(Code.MALFORMED, advice=advice) from error
        while not _is_over(decoder) and not isinstance(event := decoder.next_event(), NeedData):
            yield event
        data = stream.read(CHUNK)


def _is_over(decoder: MultipartDecoder) -> bool:
    return decoder.state is State.EPILOGUE
