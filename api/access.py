"""Who may call which endpoint: decided from a request's head, before its body is read and in the application."""

from __future__ import annotations

from flask import Flask, g, request

from api.head import Head
from api.loopback import check_local
from api.source import Source, source
from codes_dict import Code, Refusal
from security.callers import ADMIN, Caller

OPEN = ""
"""The scope of what is open to all."""

_OPEN = {"/", "/codes", "/docs", "/openapi.json", "/health", "/health/live", "/health/ready"}
_OPEN_BELOW = ("/codes/", "/docs/", "/static/console/")
_SCOPES = {
    "upload": ("/upload_imgs", "/liveness/challenge"),
    "enrol": ("/upload_db",),
    "verify": ("/verify", "/compare"),
    "search": ("/search", "/recognition", "/api/verify/linear", "/detect", "/embed"),
    "facehash": ("/recognize", "/train"),
}
_BY_PATH = {path: scope for scope, paths in _SCOPES.items() for path in paths}
_READING = ("GET", "HEAD")


def needed_scope(method: str, path: str) -> str:
    """Return the scope that a request needs: OPEN for all, ADMIN for whatever is not listed here."""
    bare = path.rstrip("/") or "/"
    if method in _READING and (bare in _OPEN or path.startswith(_OPEN_BELOW)):
        return OPEN
    if bare == "/people" or bare.startswith("/people/"):
        return "people" if method in (*_READING, "DELETE") else "enrol"
    return _BY_PATH.get(bare, ADMIN)


def admit(head: Head, services: Source) -> Caller:
    """Return who calls; refuses with NO_KEY or NOT_ALLOWED. What is open to all gets a caller without scopes."""
    scope = needed_scope(head.method, head.path)
    try:
        caller = _identified(head, services)
    except Refusal:
        if scope == OPEN:
            return Caller()
        raise
    if scope != OPEN and not caller.may(scope):
        raise Refusal(Code.NOT_ALLOWED)
    return caller


def _identified(head: Head, services: Source) -> Caller:
    rules = services.rules()
    check_local(head, rules)
    return Caller(frozenset({ADMIN}), address=head.peer)


def refusal_of(head: Head, services: Source) -> Refusal | None:
    """Return why a request is refused, None where its body may be read."""
    try:
        admit(head, services)
    except Refusal as refusal:
        return refusal
    return None


def register(app: Flask) -> None:
    """Add the hook to the application; it comes after the one that refuses unreadable requests."""
    app.before_request(_admit)


def _admit() -> None:
    g.caller = admit(Head.of(request.environ), source())


def caller() -> Caller:
    """Return who sent the current request: somebody without scopes until that is decided."""
    found = g.get("caller")
    return found if isinstance(found, Caller) else Caller()
