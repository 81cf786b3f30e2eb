"""Active liveness: challenges."""

from flask import Blueprint, Response, request

from api.access import lend
from api.bodies import FORM
from api.envelope import answer
from api.forms import challenge_form
from api.openapi import LEASED, describe
from api.shapes.liveness import ChallengeForm, ChallengeResults
from api.telemetry import concerns
from codes_dict import Code
from pipeline import flows

blueprint = Blueprint("liveness", __name__)


@blueprint.post("/liveness/challenge", strict_slashes=False)
@describe(ChallengeResults, refuses=[*LEASED, Code.NO_ID, Code.ID_NOT_MATCHED], body={FORM: ChallengeForm})
def challenge() -> Response:
    """Give an ID a challenge, to be answered with an upload."""
    asked = challenge_form(request)
    concerns(asked)
    with lend() as services:
        return answer(flows.challenge(asked, services))
