"""The people who are enrolled."""

from __future__ import annotations

from flask import Blueprint, Response

from api.access import lend
from api.envelope import reply
from api.gate import gate
from api.openapi import LEASED, describe
from api.shapes.common import PersonPath
from api.shapes.people import ForgottenResults
from api.telemetry import concerns, telemetry
from codes_dict import Code
from pipeline import flows
from pipeline.pseudonym import pseudonym

blueprint = Blueprint("people", __name__)


@blueprint.delete("/people/<person_id>")
@describe(ForgottenResults, refuses=[*LEASED, Code.ID_NOT_MATCHED, Code.NO_ROW], path=PersonPath)
def forget(person_id: str) -> Response:
    """Forget a person.

    Every trace of the ID is removed; the signed receipt says how much that was. It is not stored.
    """
    concerns(person_id)
    with gate().passing(), lend() as services:
        outcome = flows.forget(person_id, services)
        telemetry().recent.forget(pseudonym(person_id))
    return reply(outcome.code, outcome.results)
