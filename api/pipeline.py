"""The three endpoints: parse, call the flow, reply."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, request

from api.access import caller, lend, require_admin
from api.bodies import FORM, MULTIPART
from api.envelope import reply
from api.forms import enrol_form, upload_form, verify_form
from api.gate import gate
from api.openapi import JSON, LEASED, describe
from api.shapes.pipeline import (
    EnrolForm,
    EnrolResults,
    PhotoFiles,
    PhotosInForm,
    PhotosInJson,
    UploadQuery,
    UploadResults,
    VerifyForm,
    VerifyRefused,
    VerifyResults,
)
from api.source import source
from api.telemetry import concerns
from codes_dict import Code
from pipeline import flows

blueprint = Blueprint("pipeline", __name__)

_PHOTOS = (Code.UPLOAD_GONE, Code.ID_NOT_MATCHED, Code.NO_IMAGES, Code.IMAGE_MISSING)
_LIVENESS = (Code.NO_LIVENESS, Code.ALL_SPOOF, Code.NONE_LIVE)
_UPLOAD_REFUSES = (
    *(Code.NO_ID, Code.NO_FILES, Code.ID_NOT_MATCHED, Code.BAD_BASE64, Code.ALL_REJECTED),
    *(Code.CHALLENGE_MISSING, Code.CHALLENGE_EXPIRED, Code.CHALLENGE_REUSED, Code.CHALLENGE_FOREIGN),
)
_ENROL_REFUSES = (
    *(Code.BAD_ENROL_KEYS, Code.BAD_NAME, Code.NO_SINGLE_FACE, Code.DIFFERENT_PEOPLE, Code.BELONGS_TO_OTHER),
    *(Code.INSERT_FAILED, Code.NO_FOLDER),
)
_VERIFY_REFUSES = (
    *(Code.BAD_VERIFY_KEYS, Code.BOTH_SKIPS, Code.SKIP_NOT_ALLOWED, Code.USED_BEFORE, Code.NO_FACE, Code.NO_ROW),
    *(Code.NO_FOLDER, Code.CHALLENGE_MISSING, Code.CHALLENGE_FAILED, Code.DIFFERENT_PEOPLE),
    *(Code.FOUND_OTHER, Code.NOT_VERIFIED),
)
_ENROLLED = (Code.ENROLLED, Code.ENROLLED_NEEDLESS_IN_PLACE, Code.ENROLLED_ADDED, Code.ENROLLED_REPLACED)


@blueprint.post("/upload_imgs", strict_slashes=False)
@describe(
    UploadResults,
    [Code.UPLOADED],
    [*LEASED, *_UPLOAD_REFUSES],
    query=UploadQuery,
    body={MULTIPART: PhotoFiles, JSON: PhotosInJson, FORM: PhotosInForm},
)
def upload_imgs() -> Response:
    """Score photos and keep the good ones."""
    with gate().passing():
        person_id, files, challenge = upload_form(request)
        concerns(person_id)
        with lend() as services:
            outcome = flows.upload(person_id, files, services, challenge)
    return reply(outcome.code, outcome.results)


@blueprint.post("/upload_db", strict_slashes=False)
@describe(EnrolResults, _ENROLLED, [*LEASED, *_PHOTOS, *_LIVENESS, *_ENROL_REFUSES], body={FORM: EnrolForm})
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
@describe(
    VerifyResults,
    [Code.VERIFIED, Code.FOUND],
    [*LEASED, *_PHOTOS, *_LIVENESS, *_VERIFY_REFUSES],
    refused=VerifyRefused,
    body={FORM: VerifyForm},
)
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
