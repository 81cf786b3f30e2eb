"""How CompreFace answers: its bodies, its error codes, and the HTTP statuses that go with them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, request
from werkzeug.routing import BaseConverter

from api.openapi import describe
from api.own_forms import Form, answers_in, sentence
from api.shapes.compreface import CompreFaceError
from codes_dict import Code, Kind

BASE = "/api/v1"
DONE = (Code.DONE, Code.SAME_PERSON, Code.NOT_SAME_PERSON)
"""Codes of a reply that is no error."""
BODY = "body"
"""The key of the results that holds a reply's body."""

_OF_CODE = {
    Code.NOT_ALLOWED: 1,
    Code.NO_ROW: 44,
    Code.NO_KEY: 10,
    Code.BAD_BASE64: 21,
    Code.BAD_NAME: 26,
    Code.VALUE_REFUSED: 26,
    Code.TOO_LARGE: 26,
    Code.NO_FACE: 28,
    Code.NO_SINGLE_FACE: 31,
    Code.NO_FILES: 34,
    Code.CONFLICT: 43,
}
_GUARDS = (Code.ALL_REJECTED, Code.DIFFERENT_PEOPLE, Code.BELONGS_TO_OTHER, Code.ALL_SPOOF, Code.NONE_LIVE)
"""Why a photo is not accepted where CompreFace would take it: its code for an argument that is refused."""
_OF_FIELD = {"prediction_count": 12, "embeddings": 37, "source": 37, "targets": 37}
_REFUSED, _NO_HEADER, _MISSING, _SERVER, _NO_SUBJECT, _OTHER = 36, 20, 33, 41, 42, 0

blueprint = Blueprint("compreface", __name__)
described = partial(describe, failed=CompreFaceError)


class _ImageId(BaseConverter):
    """An image's id in a path: anything but the word `delete`, which is a call."""

    regex = "(?!delete$|delete/)[^/]+"


blueprint.record(lambda state: state.app.url_map.converters.update(image=_ImageId))


def status(code: Code) -> int:
    """Return the HTTP status of a code: a photo or a value that is refused is a bad request here."""
    return 400 if code not in DONE and code.status in (200, 409, 422) else code.status


def error_code(code: Code, results: Mapping[str, Any]) -> int:
    """Return CompreFace's number for a refusal, 0 to 44."""
    field = str(results.get("field") or "")
    if results.get("missing"):
        return _MISSING
    if code is Code.NO_KEY and not request.headers.get("X-API-Key") and not (request.view_args or {}).get("api_key"):
        return _NO_HEADER
    if code is Code.NO_ROW and field == "subject":
        return _NO_SUBJECT
    if code is Code.VALUE_REFUSED and field in _OF_FIELD:
        return _OF_FIELD[field]
    if code.kind is Kind.SERVER:
        return _SERVER
    return _OF_CODE.get(code, _REFUSED if code in _GUARDS else _OTHER)


def _body(code: Code, results: Mapping[str, Any]) -> Any:
    if code in DONE:
        return results[BODY]
    return {"message": sentence(code, results), "code": error_code(code, results), "faceapp_code": int(code)}


answers_in(Form(_body, status), below=f"{BASE}/")
