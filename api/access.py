"""Who may call which endpoint: decided from a request's head, before its body is read and in the application."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, g, request

from api import door
from api.head import Head
from api.logs import REQUEST_ID
from api.loopback import check_local
from api.source import Source, source
from api.telemetry import concerns
from codes_dict import Code, Refusal
from pipeline.flows import Services
from security.audit import ASKER, Asker
from security.callers import ADMIN, SCOPES, Caller, Rules

OPEN = ""
"""The scope of what is open to all."""
ANY = "any"
"""The scope of what every caller who is let in may ask for; the endpoint looks at whose it is."""
DOOR = "door"
"""Stands for the operator's side: no key opens it, `api.door` decides."""

_OPEN = {"/", "/codes", "/deepface", "/docs", "/openapi.json", "/health", "/health/live", "/health/ready"}
_OPEN_BELOW = ("/codes/", "/docs/", "/help/", "/static/console/")
_SCOPES = {
    "upload": ("/upload_imgs", "/liveness/challenge"),
    "enrol": ("/upload_db", "/deepface/register"),
    "verify": ("/verify", "/verify-photo", "/compare", "/deepface/verify"),
    "search": (
        *("/search", "/recognition", "/api/verify/linear", "/detect", "/embed"),
        *("/deepface/represent", "/deepface/analyze", "/deepface/search", "/deepface/build/index"),
    ),
    "facehash": ("/recognize", "/train"),
}
_BELOW = {
    "/api/person/create": "enrol", "/api/person/update/": "enrol", "/api/person/": "people",
    "/api/face/create": "enrol", "/api/face/update/": "enrol", "/api/face/": "people",
}  # fmt: skip
"""What paths begin with, the more special ones first."""
_COMPREFACE = "/api/v1"
_IMAGE = re.compile(rf"{_COMPREFACE}/static/([^/]+)/images/[^/]+", re.ASCII)
"""A path that carries the caller's key, for pages that show the image."""
_BY_PATH = {path: scope for scope, paths in _SCOPES.items() for path in paths}
_READING = ("GET", "HEAD")


def needed_scope(method: str, path: str) -> str:
    """Return the scope that a request needs: OPEN for all, DOOR, ANY, or ADMIN for whatever is not listed here."""
    if door.is_behind(path):
        return DOOR
    bare = path.rstrip("/") or "/"
    if method in _READING and (bare in _OPEN or path.startswith(_OPEN_BELOW)):
        return OPEN
    if bare == "/people" or bare.startswith("/people/"):
        return "people" if method in (*_READING, "DELETE") else "enrol"
    if bare.startswith("/jobs/") and method in _READING:
        return ANY
    if bare.startswith(f"{_COMPREFACE}/"):
        return _compreface_scope(method, bare.removeprefix(_COMPREFACE))
    return _BY_PATH.get(bare) or next((scope for start, scope in _BELOW.items() if bare.startswith(start)), ADMIN)


def _compreface_scope(method: str, path: str) -> str:
    """Return the scope of a call of CompreFace's API, by its path below /api/v1; ADMIN for what is no call of it."""
    is_person = path.startswith(("/recognition/subjects", "/static/"))
    if path.startswith("/verification/") or (path.endswith("/verify") and not is_person):
        return "verify"
    if path in ("/recognition/recognize", "/recognition/embeddings/recognize", "/detection/detect"):
        return "search"
    if not is_person and not path.startswith("/recognition/faces"):
        return ADMIN
    return "people" if method in (*_READING, "DELETE") or path == "/recognition/faces/delete" else "enrol"


def admit(head: Head, services: Source, waits: bool = True) -> Caller:
    """Return who calls; refuses with NO_KEY, NOT_ALLOWED, TOO_MANY, or what keeps the keys from being read.

    What is open to all gets a caller without scopes and is not counted. Without `waits` nothing is counted, and only
    what is known already decides.
    """
    scope = needed_scope(head.method, head.path)
    if scope == DOOR:
        return door.admit(head, services)
    if scope == ADMIN and services.rules().metrics_open and (head.method in _READING and head.path == "/metrics"):
        scope = OPEN
    try:
        caller = _identified(head, services, waits)
    except Refusal:
        if scope == OPEN:
            return Caller()
        raise
    if scope != OPEN:
        if scope != ANY and not caller.may(scope):
            raise Refusal(Code.NOT_ALLOWED)
        limits, limit = services.limits(), services.rules().request_limit
        (limits.take if waits else limits.check_known)(caller.key_id or caller.address, limit)
    return caller


def _identified(head: Head, services: Source, waits: bool) -> Caller:
    rules, keyring = services.rules(), services.keyring
    try:
        keys = keyring.current() if waits else keyring.known()
    except Refusal as refusal:
        if refusal.code is Code.BAD_ENV and _is_local(head, rules):
            return Caller(frozenset(SCOPES) - {ADMIN}, address=head.peer, is_known=False)
        raise
    if not keys.records:
        check_local(head, rules)
        return Caller(frozenset({ADMIN}), address=head.peer)
    found = keys.find(_sent_key(head), time.time())
    if found is None:
        raise Refusal(Code.NO_KEY if waits or keyring.is_fresh() else Code.BUSY)
    return Caller(found.scopes, found.key_id, head.client(rules))


def _is_local(head: Head, rules: Rules) -> bool:
    try:
        check_local(head, rules)
    except Refusal:
        return False
    return True


def _sent_key(head: Head) -> str:
    """Return the key of X-API-Key, of `Authorization: Bearer` or of an image's path; none where they differ."""
    kind, _, bearer = head.headers.get("AUTHORIZATION", "").partition(" ")
    in_path = _IMAGE.fullmatch(head.path)
    named = head.headers.get("X_API_KEY", "").strip(), bearer.strip() if kind.lower() == "bearer" else ""
    sent = {*named, in_path[1] if in_path else ""} - {""}
    return sent.pop() if len(sent) == 1 else ""


def refusal_of(head: Head, services: Source) -> Refusal | None:
    """Return why a request is refused, None where its body may be read; never waits."""
    try:
        admit(head, services, waits=False)
    except Refusal as refusal:
        return refusal
    return None


def register(app: Flask) -> None:
    """Add the hook to the application; it comes after the one that refuses unreadable requests."""
    app.before_request(_admit)


def _admit() -> None:
    g.caller = admit(Head.of(request.environ), source())
    who = "operator" if door.is_behind(request.path) else g.caller.key_id or "local"
    ASKER.set(Asker(who, REQUEST_ID.get()))
    concerns(str((request.view_args or {}).get("person_id", "")))


def caller() -> Caller:
    """Return who sent the current request: somebody without scopes until that is decided."""
    found = g.get("caller")
    return found if isinstance(found, Caller) else Caller()


def key_id() -> str:
    """Return the id of the current request's key, empty without a valid one; a refused request may have one as well."""
    if caller().key_id:
        return caller().key_id
    try:
        found = source().keyring.known().find(_sent_key(Head.of(request.environ)), time.time())
    except Refusal:
        return ""
    return found.key_id if found else ""


@contextmanager
def lend() -> Iterator[Services]:
    """Lend services to the current request; refuses with BAD_ENV where its caller could not be asked for a key."""
    with source().lease() as services:
        if not caller().is_known:
            raise Refusal(Code.BAD_ENV)
        yield services


def require_admin(field: str) -> None:
    """Refuse with NOT_ALLOWED where the caller is no operator; `field` is what is for operators."""
    if not caller().is_admin:
        raise Refusal(Code.NOT_ALLOWED, advice=f"Set {field} to false, or use a key with the scope admin.", field=field)
