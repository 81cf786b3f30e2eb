"""For integrators and operators: the catalogue of codes, and whether the server is alive and ready."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, g
from prometheus_client import CONTENT_TYPE_LATEST

from api import console
from api.envelope import reply, sees_everything
from api.source import source
from api.telemetry import telemetry
from codes_dict import Code, Refusal

blueprint = Blueprint("ops", __name__)

_ENDPOINTS = {
    "POST /upload_imgs?id=ID": "Score photos and keep the good ones.",
    "POST /upload_db": "Enrol an upload's photos.",
    "POST /verify": "Verify an upload's photos.",
    "POST /liveness/challenge": "Give an ID a challenge, to be answered by /upload_imgs?id=ID&challenge=NONCE.",
    "DELETE /people/<id>": "Forget a person; the reply has a signed receipt.",
    "GET /jobs/<id>": "The state, progress and result of work that goes on after its request.",
    "GET /codes": "Every code with its message and advice.",
    "GET /codes/<number>": "One code.",
    "GET /metrics": "What Prometheus reads.",
    "GET /health": "Whether the server is alive.",
    "GET /health/ready": "Whether it can serve requests now, and what it lacks.",
}


@blueprint.get("/")
def index() -> Response:
    """Serve the console to browsers, and the list of endpoints to everybody else."""
    response = console.page() if console.asks_for_page() else reply(Code.DONE, _ENDPOINTS)
    response.vary.add("Accept")
    return response


@blueprint.get("/codes")
def codes() -> Response:
    """Serve the catalogue, keyed by number."""
    return reply(Code.DONE, {str(int(code)): described(code) for code in Code})


@blueprint.get("/codes/<int:number>")
def one_code(number: int) -> Response:
    """Serve one code; operators also see how often it was the answer today."""
    known = next((code for code in Code if int(code) == number), None)
    if known is None:
        raise Refusal(Code.NO_ROUTE)
    return reply(Code.DONE, {**described(known), **(_counted(known) if sees_everything() else {})})


@blueprint.get("/metrics")
def metrics() -> Response:
    """Serve the metrics in Prometheus's text format."""
    g.answered = Code.DONE
    return Response(telemetry().metrics.text(), content_type=CONTENT_TYPE_LATEST)


@blueprint.get("/health")
@blueprint.get("/health/live")
def health() -> Response:
    """Answer as long as the process does."""
    return reply(Code.DONE, {"alive": True})


@blueprint.get("/health/ready")
def ready() -> Response:
    """Answer DONE once requests can be served; BUSY with the reasons while not, BAD_ENV if the settings are wrong."""
    if source().system_errors() is not None:
        raise Refusal(Code.BAD_ENV)
    lacking = {name: int(code) for name, code in source().lacking().items()}
    if lacking:
        reasons = {"reasons": lacking} if sees_everything() else {}
        raise Refusal(Code.BUSY, results={"ready": False, **reasons})
    return reply(Code.DONE, {"ready": True, "settings": int(Code.ENV_VALID), "liveness": source().liveness()})


def _counted(code: Code) -> dict[str, Any]:
    counts = telemetry().counts
    since = datetime.fromtimestamp(counts.since, UTC).isoformat(timespec="seconds")
    return {"today": counts.today(int(code)), "counted_since": since}


def described(code: Code) -> dict[str, Any]:
    """Return what is known of a code: its cause, and what caller and operator do about it."""
    return {
        "number": int(code),
        "name": code.name,
        "message": code.message,
        "cause": code.cause,
        "http_status": code.status,
        "kind": code.kind.value,
        "caller": code.caller_does,
        "operator": code.operator_does,
        "retry": code.retry,
    }
