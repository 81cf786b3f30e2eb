"""Forms and files as callers send them. Unknown keys are ignored; a known key is sent exactly once."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from flask import Request
from werkzeug.datastructures import FileStorage

from codes_dict import Code, Refusal
from pipeline.flows import EnrolRequest, SentFile, VerifyRequest

_FLAGS = {"true": True, "false": False}
_ENROL_KEYS = ("upload_id", "name", "delete_pickles", "rebuild_db", "in_place")
_VERIFY_KEYS = ("upload_id", "skip_verify", "skip_db_search", "skip_liveness")
_DATA_URI = re.compile(r"data:image/[^,]{0,100},", re.ASCII | re.IGNORECASE)
_LONGEST_NAME = 200


def enrol_form(request: Request) -> EnrolRequest:
    """Parse the form of /upload_db; refuses with BAD_FORM or BAD_ENROL_KEYS."""
    form = _form(request, _ENROL_KEYS, Code.BAD_ENROL_KEYS)
    upload_id, name = form["upload_id"], form["name"]
    flags = [_flag(form[key], Code.BAD_ENROL_KEYS) for key in _ENROL_KEYS[2:]]
    return EnrolRequest(upload_id, name, *flags)


def verify_form(request: Request) -> VerifyRequest:
    """Parse the form of /verify; refuses with BAD_FORM or BAD_VERIFY_KEYS."""
    form = _form(request, _VERIFY_KEYS, Code.BAD_VERIFY_KEYS)
    return VerifyRequest(form["upload_id"], *(_flag(form[key], Code.BAD_VERIFY_KEYS) for key in _VERIFY_KEYS[1:]))


def upload_form(request: Request) -> tuple[str, list[SentFile], str | None]:
    """Parse /upload_imgs: the id of the query, the files in any field or as base64, and the challenge of the query.

    A challenge that is sent more than once counts as an empty one. Refuses with NO_ID and NO_FILES.
    """
    ids = request.args.getlist("id")
    if len(ids) != 1 or not ids[0]:
        raise Refusal(Code.NO_ID)
    if request.is_json:
        files = _from_json(request.get_json(silent=True))
    else:
        files = _from_fields(request.form.items(multi=True))
        files += [_from_file(file) for _, file in request.files.items(multi=True) if _is_sent(file)]
    if not files:
        raise Refusal(Code.NO_FILES)
    sent = request.args.getlist("challenge")
    challenge = None if not sent else sent[0] if len(sent) == 1 else ""
    return ids[0], files, challenge


def challenge_form(request: Request) -> str:
    """Parse the form of /liveness/challenge: one id. Refuses with BAD_FORM and NO_ID."""
    if request.mimetype != "application/x-www-form-urlencoded" or not request.form:
        raise Refusal(Code.BAD_FORM)
    ids = request.form.getlist("id")
    if len(ids) != 1 or not ids[0]:
        raise Refusal(Code.NO_ID)
    return ids[0]


def _form(request: Request, keys: Iterable[str], bad_keys: Code) -> dict[str, str]:
    if request.mimetype != "application/x-www-form-urlencoded" or not request.form:
        raise Refusal(Code.BAD_FORM)
    sent = {key: request.form.getlist(key) for key in keys}
    if any(len(values) != 1 for values in sent.values()):
        raise Refusal(bad_keys)
    return {key: values[0] for key, values in sent.items()}


def _flag(text: str, bad_keys: Code) -> bool:
    flag = _FLAGS.get(text.lower())
    if flag is None:
        raise Refusal(bad_keys)
    return flag


def _is_sent(file: FileStorage) -> bool:
    """Whether there is a file at all: a browser sends an empty part for a field that was left empty."""
    return bool(file.filename or file.stream.read(1))


def _from_file(file: FileStorage) -> SentFile:
    file.stream.seek(0)
    return SentFile(_display_name(file.filename or ""), file.stream.read())


def _display_name(name: str) -> str:
    """Return what replies call a file: its last part, printable, not endless. It never names anything on disk."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(one for one in last if one.isprintable())[:_LONGEST_NAME]
    return printable or "file"


def _from_json(body: object) -> list[SentFile]:
    images = body.get("images") if isinstance(body, dict) else None
    return _numbered(images) if isinstance(images, list) else []


def _from_fields(fields: Iterable[tuple[str, str]]) -> list[SentFile]:
    return _numbered([text for name, text in fields if name.startswith("image") or _DATA_URI.match(text)])


def _numbered(texts: list[object]) -> list[SentFile]:
    return [SentFile(f"image_{number}", _decoded(text)) for number, text in enumerate(texts, start=1)]


def _decoded(text: object) -> bytes | None:
    """Decode base64 with or without a `data:` prefix; white space is allowed, anything else is not."""
    if not isinstance(text, str):
        return None
    bare = re.sub(r"\s", "", _DATA_URI.sub("", text, count=1), flags=re.ASCII)
    try:
        return base64.b64decode(bare, validate=True) or None
    except (binascii.Error, ValueError):
        return None
