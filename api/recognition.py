"""The ArcFace service's endpoint: whose face is in a photo, in that service's form."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from api.access import lend
from api.envelope import reply
from api.gate import gate
from api.openapi import LEASED, Other, describe
from api.own_forms import Form, answers_in, sentence
from api.photos import sent
from api.shapes import recognition as shapes
from codes_dict import Code, Refusal
from pipeline import flows

FAILED = "error during prediction"
"""What `result` says of every error."""
UNKNOWN = "Unknown"
HOW = 'POST JSON {"file": "<a photo as base64 text>"} to /recognition; ?all=true lists every face.'

blueprint = Blueprint("recognition", __name__)


@blueprint.get("/recognition", strict_slashes=False)
@describe(other={200: Other("How to call it.", model=shapes.RecognitionHelp)}, failed=shapes.RecognitionError)
def help_recognition() -> Response:
    """Say how the endpoint is called."""
    return reply(Code.DONE, {"result": HOW, "methods": ["GET", "POST"], "fields": {"file": "base64"}})


@blueprint.post("/recognition", strict_slashes=False)
@describe(
    refuses=[*LEASED, Code.NO_FACE, Code.BAD_BASE64, Code.ALL_REJECTED, Code.NO_FILES, Code.VALUE_REFUSED],
    query=shapes.RecognitionQuery,
    body=shapes.RECOGNITION,
    other={200: Other("The name of the largest face, or Unknown.", model=shapes.RecognitionResult)},
    failed=shapes.RecognitionError,
)
def recognition() -> Response:
    """Say whose face is in a photo.

    `result` is the name of the nearest person within the search threshold, or `Unknown`.
    """
    with gate().passing():
        body = sent(request, 1, ("file", "image"))
        photos, lists_all = [*body.photos["file"], *body.photos["image"]], body.flag("all")
        if len(photos) != 1:
            raise Refusal(Code.NO_FILES, advice=HOW, field="file")
        with lend() as services:
            outcome = flows.search(flows.SearchRequest(photos, limit=1), services)
    faces = [_face(one) for one in outcome.results["faces"]]
    return reply(outcome.code, {"result": faces[0]["name"], **({"faces": faces} if lists_all else {})})


def _face(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a face of /search as this service lists it: the nearest person if within the threshold, else nobody."""
    nearest: Mapping[str, Any] = next((one for one in found["candidates"] if one["accepted"]), {})
    return {
        "box": found["box"],
        "name": nearest.get("name") or UNKNOWN,
        "id": nearest.get("id"),
        "distance": nearest.get("score"),
        "false_positive_rate": nearest.get("false_positive_rate"),
    }


def _form(code: Code, results: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a reply in the service's form: errors have `result`, `error` and `code`."""
    if code is Code.DONE:
        return results
    return {"result": FAILED, "error": sentence(code, results), "code": int(code)}


answers_in(Form(_form), "/recognition")
