"""A request's id in its reply and in every log line of it, and the one log line that says how it ended."""

import logging
import re
import time
import uuid

from flask import Flask, Response, g, request

from api.access import key_id
from api.logs import REQUEST_ID
from api.source import source
from api.telemetry import SeenRequest, telemetry
from api.telemetry.recent import without_names

_log = logging.getLogger(__name__)
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def register(app: Flask) -> None:
    """Add the hooks to the application."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    sent = request.headers.get("X-Request-ID", "")
    REQUEST_ID.set(sent if _ACCEPTABLE.fullmatch(sent) else uuid.uuid4().hex)
    g.started = time.perf_counter()
    request.max_content_length = source().max_upload_bytes()


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = REQUEST_ID.get()
    seen = _seen(response)
    telemetry().add(seen)
    stages = ", ".join(f"{row['name']} {row['in']}>{row['out']}" for row in seen.stages)
    who = "".join(f", {what} {name}" for what, name in (("person", seen.person), ("key", seen.key_id)) if name)
    ended = f"code {seen.code} in {seen.milliseconds:.0f} ms{who} ({stages or 'no stages'})"
    _log.log(_level(seen, response), "%s %s: %s", seen.method, request.endpoint or "unknown route", ended)
    return response


def _level(seen: SeenRequest, response: Response) -> int:
    """Return DEBUG, which is not logged, for the files of pages and for what the operator's page reads."""
    is_read = seen.method in ("GET", "HEAD") and response.status_code < 400
    return logging.DEBUG if is_read and seen.endpoint.startswith(("/static/", "/admin")) else logging.INFO


def _seen(response: Response) -> SeenRequest:
    rule = request.url_rule
    return SeenRequest(
        request_id=REQUEST_ID.get(),
        when=time.time(),
        method=request.method if request.method in _METHODS else "other",
        endpoint=(rule.rule.rstrip("/") or "/") if rule else "unknown route",
        code=int(g.get("answered", response.status_code)),
        milliseconds=round((time.perf_counter() - g.started) * 1000, 1),
        key_id=key_id(),
        person=g.get("person", ""),
        stages=without_names(g.get("stages") or ()),  # all of them, whatever the caller gets to see
    )
