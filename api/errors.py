"""Everything that is not a success becomes an envelope here: refusals, HTTP's own errors, and what nobody foresaw."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from api.envelope import reply, sees_everything, without_scores
from codes_dict import Code, Refusal

_log = logging.getLogger(__name__)

_NULL_RESULTS = frozenset(
    (
        Code.BAD_FORM, Code.BAD_ENROL_KEYS, Code.BAD_VERIFY_KEYS, Code.NO_ID, Code.NO_FILES,
        Code.ID_NOT_MATCHED, Code.BOTH_SKIPS, Code.BAD_ENV, Code.UPLOAD_GONE,
    )
)  # fmt: skip
"""Codes that come before there is anything to report."""

_BY_STATUS = {404: Code.NO_ROUTE, 405: Code.WRONG_METHOD, 413: Code.TOO_LARGE}
_RETRY_SECONDS = "2"


def register(app: Flask) -> None:
    """Hang the three handlers onto the application."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unforeseen)


def _refused(refusal: Refusal) -> Response:
    if refusal.detail:
        _log.warning("%s", refusal)
    response = reply(refusal.code, _results(refusal))
    if refusal.code is Code.BUSY:
        response.headers["Retry-After"] = _RETRY_SECONDS
    return response


def _results(refusal: Refusal) -> Any:
    if refusal.code in _NULL_RESULTS:
        return None
    results = dict(refusal.results or {"stages": []})
    return results if sees_everything() else without_scores(results)


def _http_error(error: HTTPException) -> Response:
    """Answer in our envelope; what HTTP has no code of ours for is a request that could not be read."""
    refusal = Refusal(_BY_STATUS.get(error.code or 500, Code.BAD_FORM))
    response = _refused(refusal)
    allow = dict(error.get_headers()).get("Allow")
    if allow:
        response.headers["Allow"] = allow
    return response


def _unforeseen(error: Exception) -> Response:
    _log.error("599 %s", type(error).__name__, exc_info=error)
    return reply(Code.INTERNAL, {"stages": []})
