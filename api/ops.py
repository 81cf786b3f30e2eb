"""For integrators and operators: the catalogue of codes, and whether the server is alive and ready."""

from datetime import UTC, datetime

from flask import Blueprint, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST

from api import console
from api.envelope import reply, sees_everything
from api.openapi import Other, describe
from api.openapi.pages import summaries
from api.shapes.ops import Alive, CodeEntry, CodesResults, EndpointsResults, NotReady, Ready
from api.source import source
from api.telemetry import telemetry
from codes_dict import Code, Refusal

blueprint = Blueprint("ops", __name__)


@blueprint.get("/")
@describe(EndpointsResults, other={200: Other("The console.", "text/html")})
def index() -> Response:
    """List the endpoints; browsers get the console."""
    asks_for_page = request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
    response = console.served("index.html") if asks_for_page else reply(Code.DONE, summaries())
    response.vary.add("Accept")
    return response


@blueprint.get("/codes")
@describe(CodesResults)
def codes() -> Response:
    """List every code with its message and advice."""
    return reply(Code.DONE, {str(int(code)): code.described for code in Code})


@blueprint.get("/codes/<int:number>")
@describe(CodeEntry)
def one_code(number: int) -> Response:
    """Explain one code."""
    known = next((code for code in Code if int(code) == number), None)
    if known is None:
        raise Refusal(Code.NO_ROUTE, advice="There is no such code. GET /codes lists all.")
    counted = {}
    if sees_everything():
        counts = telemetry().counts
        since = datetime.fromtimestamp(counts.since, UTC).isoformat(timespec="seconds")
        counted = {"today": counts.today(number), "counted_since": since}
    return reply(Code.DONE, {**known.described, **counted})


@blueprint.get("/metrics")
@describe(other={200: Other("The metrics.", "text/plain")})
def metrics() -> Response:
    """Serve the metrics in Prometheus's text format."""
    g.answered = Code.DONE
    return Response(telemetry().metrics.text(), content_type=CONTENT_TYPE_LATEST)


@blueprint.get("/health")
@blueprint.get("/health/live")
@describe(Alive)
def health() -> Response:
    """Say that the process is alive."""
    return reply(Code.DONE, {"alive": True})


@blueprint.get("/health/ready")
@describe(Ready, refuses=[Code.BAD_ENV, Code.BUSY], refused=NotReady)
def ready() -> Response:
    """Say whether requests can be served now.

    503 carries the reasons for operators; 176 says that the settings are wrong.
    """
    if source().system_errors() is not None:
        raise Refusal(Code.BAD_ENV)
    lacking = {name: int(code) for name, code in source().lacking().items()}
    if lacking:
        reasons = {"reasons": lacking} if sees_everything() else {}
        raise Refusal(Code.BUSY, results={"ready": False, **reasons})
    return reply(Code.DONE, {"ready": True, "settings": int(Code.ENV_VALID), "liveness": source().liveness()})
