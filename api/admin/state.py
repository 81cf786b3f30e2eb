"""What the server is made of: settings, models, readiness."""

from flask import Response

from api.admin.session import blueprint
from api.envelope import reply
from api.openapi import describe
from api.shapes.admin import HealthResults, ModelsResults, SettingsResults
from api.source import source
from api.telemetry import telemetry
from codes_dict import Code


@blueprint.get("/admin/api/settings")
@describe(SettingsResults)
def settings() -> Response:
    """Serve every key of `.env` with its fault; no secret's value."""
    return reply(Code.DONE, {"settings": source().operator.settings()})


@blueprint.get("/admin/api/models")
@describe(ModelsResults, refuses=[Code.BAD_ENV])
def models() -> Response:
    """Serve which models decide."""
    return reply(Code.DONE, source().operator.models())


@blueprint.get("/admin/api/health")
@describe(HealthResults)
def health() -> Response:
    """Serve what the server lacks now, who is enrolled and how long the queue is."""
    lacking = {name: int(code) for name, code in source().lacking().items()}
    return reply(
        Code.DONE,
        {
            "ready": not lacking and source().system_errors() is None,
            "lacking": lacking,
            "people": source().gallery_people(),
            "counted_since": telemetry().counts.since,
        },
    )
