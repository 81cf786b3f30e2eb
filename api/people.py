"""The people who are enrolled."""

from __future__ import annotations

from flask import Blueprint, Response

from api.access import lend
from api.envelope import reply
from api.gate import gate
from api.telemetry import concerns, telemetry
from pipeline import flows
from pipeline.pseudonym import pseudonym

blueprint = Blueprint("people", __name__)


@blueprint.delete("/people/<person_id>")
def forget(person_id: str) -> Response:
    """Forget a person."""
    concerns(person_id)
    with gate().passing(), lend() as services:
        outcome = flows.forget(person_id, services)
        telemetry().recent.forget(pseudonym(person_id))
    return reply(outcome.code, outcome.results)
