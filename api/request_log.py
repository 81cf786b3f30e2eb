"""A request's id in its reply and in every log line of it, and the one log line that says how it ended."""

from __future__ import annotations

import logging
import re
import time
import uuid

from flask import Flask, Response, g, request

from api.logs import REQUEST_ID
from api.source import source

_log = logging.getLogger(__name__)
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
    code, results = g.get("answered", (response.status_code, None))
    rows = results.get("stages", []) if isinstance(results, dict) else []
    stages = ", ".join(f"{row['name']} {row['in']}>{row['out']}" for row in rows)
    milliseconds = (time.perf_counter() - g.started) * 1000
    endpoint = request.endpoint or "unknown route"
    _log.info("%s %s: code %d in %.0f ms (%s)", request.method, endpoint, code, milliseconds, stages or "no stages")
    return response
