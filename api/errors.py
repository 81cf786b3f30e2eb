"""Everything that is not a success becomes an envelope here: refusals, HTTP's own errors, and unexpected exceptions."""

import logging
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from api.envelope import reply, sees_everything, without_scores
from api.receiving import REFUSAL
from api.source import source
from codes_dict import Code, Kind, Refusal

_log = logging.getLogger(__name__)

_BY_STATUS = {404: Code.NO_ROUTE, 405: Code.WRONG_METHOD, 413: Code.TOO_LARGE}
_RETRY_SECONDS = "2"
MEBIBYTE = 1 << 20


def register(app: Flask) -> None:
    """Add the three handlers to the application, and the refusal of requests that the server could not read."""
    app.before_request(_refuse_unreadable)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _refuse_unreadable() -> None:
    refusal = request.environ.get(REFUSAL)
    if isinstance(refusal, Refusal):
        raise refusal


def _refused(refusal: Refusal) -> Response:
    if refusal.detail:
        _log.warning("%s", refusal)
    g.stages = (refusal.results or {}).get("stages")  # all of them: the reply may leave some out
    response = reply(refusal.code, _results(refusal))
    wait = (refusal.results or {}).get("retry_after")
    if wait is not None or refusal.code is Code.BUSY:
        response.headers["Retry-After"] = str(wait or _RETRY_SECONDS)
    return response


def _results(refusal: Refusal) -> dict[str, Any]:
    """Return the results as far as they came, and what the caller can do about the refusal."""
    results = {**(refusal.results or {}), **refusal.guidance()}
    if "unread" in g and refusal.code.kind is Kind.CALLER:
        results["advice"] = f"{g.unread} {refusal.advice}"
    return results if sees_everything() else without_scores(results)


def _http_error(error: HTTPException) -> Response:
    """Answer in the envelope; an HTTP error without a code of its own is a malformed request."""
    code = _BY_STATUS.get(error.code or 500, Code.MALFORMED if (error.code or 500) < 500 else Code.INTERNAL)
    size = f"Send at most {source().max_upload_bytes() // MEBIBYTE} MiB in one request."
    allow = dict(error.get_headers()).get("Allow")
    methods = f"Use {allow}." if allow else ""
    response = _refused(Refusal(code, advice=size if code is Code.TOO_LARGE else methods))
    if allow:
        response.headers["Allow"] = allow
    return response


def _unexpected(error: Exception) -> Response:
    _log.error("599 %s", type(error).__name__, exc_info=error)
    return reply(Code.INTERNAL, Refusal(Code.INTERNAL).guidance())
