"""The reply's four keys, and which parts of the ledger a caller may see."""

from collections.abc import Mapping
from typing import Any

from flask import Response, g, jsonify, request

from api.access import caller
from api.own_forms import form_of
from api.source import source
from codes_dict import Code, Outcome

_KEYS = {
    "upload_imgs": ("upload_results", "upload_code", "upload_message"),
    "upload_db": ("upload_results", "result_code", "result_message"),
    "verify": ("recognition_results", "recognition_code", "recognition_message"),
}
"""Endpoint to the names of results, code and message."""

_SAY_ACCEPTED = ("verify", "verify-photo")
_SHOWN_TO_ALL = ("name", "in", "out", "code", "milliseconds", "advice", "about")


def keys_of(path: str) -> tuple[str, str, str]:
    """Return what the envelope of an endpoint calls its results, its code and its message."""
    return _KEYS.get(path.strip("/"), ("results", "code", "message"))


def answer(outcome: Outcome) -> Response:
    """Return the envelope around how a flow ended."""
    return reply(outcome.code, outcome.results)


def reply(code: Code, results: Any) -> Response:
    """Return the envelope of the requested endpoint around a code and its results."""
    if isinstance(results, Mapping):
        g.setdefault("stages", results.get("stages"))
    g.answered = code
    results = results if sees_everything() else _without_others(results)
    own = form_of(request.path)
    if own is not None:
        response = jsonify(own.body(code, results if isinstance(results, Mapping) else {}))
        response.status_code = own.status(code)
        return response
    results_key, code_key, message_key = keys_of(request.path)
    if request.path.strip("/") in _SAY_ACCEPTED:
        results = {"accepted": False, **(results or {})}
    response = jsonify(
        {
            code_key: int(code),
            message_key: code.message,
            results_key: results,
            "system_errors": source().system_errors(),
        }
    )
    response.status_code = code.status
    return response


def _without_others(results: Any) -> Any:
    """Leave out which other IDs a face is enrolled under, and keep how many: that names people to whom may enrol."""
    if not isinstance(results, Mapping):
        return results
    hidden = dict(results)
    if isinstance(hidden.get("possible_duplicates"), list):
        hidden["possible_duplicates"] = [None] * len(hidden["possible_duplicates"])
    earlier = hidden.get("earlier")
    if isinstance(earlier, Mapping):
        hidden["earlier"] = {**earlier, "results": _without_others(earlier.get("results"))}
    return hidden


def without_scores(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return a failure's results as strangers see them: exact scores would teach an attacker how close they came."""
    if "stages" not in results:
        return dict(results)
    rows = [{key: row[key] for key in _SHOWN_TO_ALL if key in row} for row in results["stages"]]
    return {**results, "stages": rows}


def sees_everything() -> bool:
    """Whether the caller is an operator: by a key with the scope `admin`, or on the open server's own machine."""
    return caller().is_admin
