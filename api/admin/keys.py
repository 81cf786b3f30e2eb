"""API keys: listed, made and revoked."""

from flask import Response

from api.admin.session import blueprint, json_body
from api.envelope import reply
from api.openapi import JSON, describe
from api.shapes.admin import KeysResults, NewKeyJson, NewKeyResults, RevokedResults
from api.source import source
from codes_dict import Code, Refusal
from security.callers import SCOPES
from security.keys import MOST_DAYS


@blueprint.get("/admin/api/keys")
@describe(KeysResults, refuses=[Code.BAD_ENV, Code.DB_DOWN])
def keys() -> Response:
    """List all keys, without the keys themselves."""
    return reply(Code.DONE, {"keys": source().operator.keys(), "scopes": list(SCOPES)})


@blueprint.post("/admin/api/keys")
@describe(NewKeyResults, refuses=[Code.BAD_ENV, Code.DB_DOWN], body={JSON: NewKeyJson})
def make() -> Response:
    """Make a key and show it, this once."""
    body = json_body()
    label, scopes, days = body.get("label"), body.get("scopes"), body.get("days")
    if not isinstance(label, str):
        raise _wrong("label", "Send the key's name as a string.")
    if not isinstance(scopes, list) or not all(isinstance(one, str) for one in scopes):
        raise _wrong("scopes", "Send the scopes as a list of strings.")
    if type(days) is not int or not 0 <= days <= MOST_DAYS:
        raise _wrong("days", f"Send the days until the key ends: 0 for never, up to {MOST_DAYS}.")
    try:
        text, record = source().operator.make_key(label.strip(), scopes, days)
    except ValueError as error:
        words = str(error)
        raise _wrong("scopes" if words.startswith("scopes") else "label", f"{words[0].upper()}{words[1:]}.") from error
    return reply(Code.DONE, {"key": text, **record})


@blueprint.delete("/admin/api/keys/<key_id>")
@describe(RevokedResults, refuses=[Code.BAD_ENV, Code.DB_DOWN])
def revoke(key_id: str) -> Response:
    """Revoke a key for good."""
    if not source().operator.revoke_key(key_id):
        raise Refusal(Code.NO_ROUTE, advice="There is no such key, or it is revoked already.", field="key_id")
    return reply(Code.DONE, {"key_id": key_id})


def _wrong(field: str, advice: str) -> Refusal:
    return Refusal(Code.MALFORMED, advice=advice, field=field)
