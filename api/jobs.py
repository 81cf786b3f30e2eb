"""The jobs: work that goes on after its request was answered."""

from typing import cast

from flask import Blueprint, Response, current_app

from api.access import caller
from api.envelope import reply
from api.openapi import describe
from api.shapes.ops import JobResults
from codes_dict import Code
from pipeline.jobs import Jobs

EXTENSION = "faceapp.jobs"

blueprint = Blueprint("jobs", __name__)


@blueprint.get("/jobs/<job_id>")
@describe(JobResults)
def show(job_id: str) -> Response:
    """Show a job's state, progress and result, to the key that made it alone."""
    return reply(Code.DONE, jobs().find(job_id, caller().key_id).as_dict())


def jobs() -> Jobs:
    """Return the application's jobs."""
    return cast(Jobs, current_app.extensions[EXTENSION])
