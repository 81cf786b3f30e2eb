"""For operators: an ID that has failed too often may be verified again."""

from flask import Blueprint, Response

from api.access import lend
from api.envelope import reply
from api.openapi import describe
from api.shapes.people import AnyIdPath, LiftedResults
from api.source import source
from api.telemetry import concerns
from codes_dict import Code
from pipeline import flows

blueprint = Blueprint("limits", __name__)


@blueprint.delete("/limits/<path:person_id>")
@describe(LiftedResults, path=AnyIdPath)
def lift(person_id: str) -> Response:
    """Forget the failed verifications of an ID; of a FaceHash user, whose ID here is `KEY_ID:username`."""
    concerns(person_id)
    with lend() as services:
        flows.note("limits lifted", services, person_id)
    source().limits().lift(person_id, source().rules().failed_verify_limit)
    return reply(Code.DONE, {"id": person_id})
