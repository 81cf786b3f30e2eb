"""The operator's page, which anybody may read; signing in, which what it shows needs; and the blueprint of both."""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

from api import door
from api.access import caller
from api.bodies import json_object
from api.console import served
from api.envelope import reply
from api.head import Head
from api.openapi import JSON, Other, describe
from api.shapes.admin import SessionResults, SignInJson
from api.source import source
from codes_dict import Code, Refusal
from security.sessions import IDLE_S

blueprint = Blueprint("admin", __name__)

_FEW = 1
"""Values that a body may hold, beside the fields that every body may have."""
_FOLDER = Path(__file__).resolve().parents[2] / "static" / "admin"


@blueprint.before_request
def _bound_body() -> None:
    request.max_content_length = door.MOST_BYTES


@blueprint.get("/admin", strict_slashes=False)
@describe(other={200: Other("The page.", "text/html")})
def page() -> Response:
    """Serve the operator's page."""
    return served("index.html", _FOLDER)


@blueprint.get("/static/admin/<path:name>")
@describe(other={200: Other("The file.", "*/*")})
def file(name: str) -> Response:
    """Serve a file of the operator's page."""
    return served(name, _FOLDER)


@blueprint.get(door.SESSION)
@describe(SessionResults)
def state() -> Response:
    """Say whether the caller is signed in and, if so, the token to send with changes; else why the door is closed."""
    found = source().door.session(_token())
    if found is None:
        return reply(Code.DONE, {"signed_in": False, "closed": source().door.why_closed() or None})
    return reply(Code.DONE, _signed_in(found.csrf))


@blueprint.post(door.SESSION)
@describe(SessionResults, refuses=[Code.NO_KEY, Code.NOT_ALLOWED, Code.TOO_MANY, Code.BUSY], body={JSON: SignInJson})
def sign_in() -> Response:
    """Begin a session; a former one of the same browser ends."""
    password = json_body().get("password")
    if not isinstance(password, str) or not password:
        raise Refusal(Code.NO_KEY, advice='Send {"password": "..."} as JSON.', field="password")
    head, services = Head.of(request.environ), source()
    token, session = services.door.sign_in(password, caller().address, services.limits())
    services.door.sign_out(_token())
    services.operator.note_sign_in()
    response = reply(Code.DONE, _signed_in(session.csrf))
    response.set_cookie(
        door.COOKIE,
        token,
        path=door.PAGE,
        secure=door.is_over_tls(head, services.rules()),
        httponly=True,
        samesite="Strict",
    )
    return response


@blueprint.delete(door.SESSION)
@describe(SessionResults)
def sign_out() -> Response:
    """End the session."""
    source().door.sign_out(_token())
    response = reply(Code.DONE, {"signed_in": False})
    response.delete_cookie(door.COOKIE, path=door.PAGE, httponly=True, samesite="Strict")
    return response


def json_body() -> dict[str, object]:
    """Return the JSON object of the request; refuses with BAD_JSON what is none."""
    if not request.is_json:
        raise Refusal(Code.BAD_JSON, advice="Send Content-Type: application/json.")
    return json_object(request, _FEW)


def _signed_in(csrf: str) -> dict[str, Any]:
    return {"signed_in": True, "csrf": csrf, "idle_minutes": round(IDLE_S / 60)}


def _token() -> str:
    return door.token_of(Head.of(request.environ))
