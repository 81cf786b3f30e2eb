"""The keys of each endpoint. Unknown keys are ignored; a known key must be sent exactly once."""

from collections.abc import Iterable, Sequence

from flask import Request

from api.bodies import FORM, form_fields
from api.photos import ALL, Sent, sent
from api.source import source
from codes_dict import Code, Refusal
from pipeline.flows import EnrolRequest, SentFile, VerifyRequest, check_terms

Fields = Sequence[tuple[str, str]]

_FLAGS = {"true": True, "false": False}
_ENROL_KEYS = ("upload_id", "name", "delete_pickles", "rebuild_db", "in_place")
_VERIFY_KEYS = ("upload_id", "skip_verify", "skip_db_search", "skip_liveness")


def enrol_form(request: Request) -> EnrolRequest:
    """Parse the form of /upload_db; refuses with BAD_FORM or BAD_ENROL_KEYS."""
    fields = _fields(request)
    form = _form(fields, _ENROL_KEYS, Code.BAD_ENROL_KEYS)
    delete, rebuild, in_place = (_flag(form, key, Code.BAD_ENROL_KEYS) for key in _ENROL_KEYS[2:])
    terms = check_terms(_optional(fields, "consent"), _optional(fields, "retain_until"), Code.BAD_ENROL_KEYS)
    return EnrolRequest(form["upload_id"], form["name"], delete, rebuild, in_place, terms)


def verify_form(request: Request) -> VerifyRequest:
    """Parse the form of /verify; refuses with BAD_FORM or BAD_VERIFY_KEYS."""
    form = _form(_fields(request), _VERIFY_KEYS, Code.BAD_VERIFY_KEYS)
    return VerifyRequest(form["upload_id"], *(_flag(form, key, Code.BAD_VERIFY_KEYS) for key in _VERIFY_KEYS[1:]))


def upload_form(request: Request) -> tuple[str, list[SentFile], str | None]:
    """Parse /upload_imgs: the id of the query, the photos, and the challenge of the query.

    A challenge that is sent more than once counts as an empty one. Refuses with NO_ID, NO_FILES, and the codes of
    `api.photos.sent`.
    """
    person_id = _single_id(request.args.getlist("id"))
    files = wanted_photos(sent(request, source().max_photos()))
    nonces = request.args.getlist("challenge")
    challenge = None if not nonces else nonces[0] if len(nonces) == 1 else ""
    return person_id, files, challenge


def wanted_id(body: Sent) -> str:
    """Return the id of a request with photos, from its query or its fields; refuses with NO_ID."""
    return _single_id([value for key, value in body.fields if key == "id"], "Send exactly one id in the query: ?id=ID.")


def wanted_photos(body: Sent) -> list[SentFile]:
    """Return a request's photos; refuses with NO_FILES where there are none."""
    if not body.photos[ALL]:
        raise Refusal(Code.NO_FILES)
    return body.photos[ALL]


def readable_photos(files: list[SentFile], field: str | None = None) -> list[SentFile]:
    """Return photos that a key brought; refuses with NO_FILES where there are none, BAD_BASE64 where none decodes."""
    if not files:
        how = f"Send a photo under the key {field}, as a file or as base64 text." if field else ""
        raise Refusal(Code.NO_FILES, advice=how, field=field)
    if all(file.data is None for file in files):
        raise Refusal(Code.BAD_BASE64, field=field)
    return files


def challenge_form(request: Request) -> str:
    """Parse the form of /liveness/challenge: one id. Refuses with BAD_FORM and NO_ID."""
    return _single_id([value for key, value in _fields(request) if key == "id"], "Send exactly one id in the form.")


def _single_id(sent: Sequence[object], advice: str = "") -> str:
    if len(sent) != 1 or not isinstance(sent[0], str) or not sent[0]:
        raise Refusal(Code.NO_ID, advice=advice, field="id")
    return sent[0]


def _fields(request: Request) -> list[tuple[str, str]]:
    fields = form_fields(request, source().max_photos()) if request.mimetype == FORM else []
    if not fields:
        raise Refusal(Code.BAD_FORM)
    return fields


def _form(fields: Fields, keys: Iterable[str], bad_keys: Code) -> dict[str, str]:
    form: dict[str, str] = {}
    for key in keys:
        values = [value for name, value in fields if name == key]
        if len(values) != 1:
            problem = "is missing" if not values else f"was sent {len(values)} times"
            raise Refusal(bad_keys, advice=f"{key} {problem}. Send it exactly once.", field=key)
        form[key] = values[0]
    return form


def _optional(fields: Fields, key: str) -> str | None:
    """Return the value of a key that may be missing; refuses with BAD_ENROL_KEYS where it was sent several times."""
    values = [value for name, value in fields if name == key]
    if len(values) > 1:
        raise Refusal(Code.BAD_ENROL_KEYS, advice=f"{key} was sent {len(values)} times. Send it once.", field=key)
    return values[0] if values else None


def _flag(form: dict[str, str], key: str, bad_keys: Code) -> bool:
    flag = _FLAGS.get(form[key].lower())
    if flag is None:
        raise Refusal(bad_keys, advice=f"Set {key} to true or false.", field=key)
    return flag
