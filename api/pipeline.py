"""The three endpoints: parse, call the flow, reply."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, request

from api.access import caller, lend, require_admin
from api.envelope import reply
from api.forms import enrol_form, upload_form, verify_form
from api.gate import gate
from api.source import source
from api.telemetry import concerns
from pipeline import flows

blueprint = Blueprint("pipeline", __name__)


@blueprint.post("/upload_imgs", strict_slashes=False)
def upload_imgs() -> Response:
    """Score photos and keep the good ones."""
    with gate().passing():
        person_id, files, challenge = upload_form(request)
        concerns(person_id)
        with lend() as services:
            outcome = flows.upload(person_id, files, services, challenge)
    return reply(outcome.code, outcome.results)


@blueprint.post("/upload_db", strict_slashes=False)
def upload_db() -> Response:
    """Enrol an upload's photos."""
    with gate().passing():
        ask = enrol_form(request)
        concerns(ask.upload_id.rpartition("-")[0])
        for field in ("delete_pickles", "rebuild_db"):
            if getattr(ask, field):
                require_admin(field)
        with lend() as services:
            outcome = flows.enrol(ask, services)
    return reply(outcome.code, outcome.results)


@blueprint.post("/verify", strict_slashes=False)
def verify() -> Response:
    """Verify an upload's photos."""
    with gate().passing():
        who, rules = caller(), source().rules()
        hides = not who.sees_unknown(rules.hide_unknown)
        ask = replace(verify_form(request), from_owner=who.is_admin, hides_unknown=hides)
        person_id = ask.upload_id.rpartition("-")[0]
        concerns(person_id)
        with source().limits().attempt(person_id, rules.failed_verify_limit), lend() as services:
            outcome = flows.verify(ask, services)
    return reply(outcome.code, outcome.results)
