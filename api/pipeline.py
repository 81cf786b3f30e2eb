"""The three endpoints, those that join two of them, and challenges: parse, call the flow, reply."""

from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint, Response, request

from api.access import caller, lend, require_admin
from api.bodies import FORM, MULTIPART
from api.envelope import answer
from api.forms import challenge_form, enrol_form, upload_form, verify_form, wanted_id, wanted_photos
from api.gate import gate
from api.openapi import JSON, LEASED, NOT_LIVE, describe
from api.photos import sent
from api.shapes import pipeline as shapes
from api.source import source
from api.telemetry import concerns
from codes_dict import Code, Outcome
from pipeline import flows

blueprint = Blueprint("pipeline", __name__)
liveness = Blueprint("liveness", __name__)

_PHOTOS = (Code.UPLOAD_GONE, Code.ID_NOT_MATCHED, Code.NO_IMAGES, Code.IMAGE_MISSING)
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
    shapes.UploadResults,
    [Code.UPLOADED],
    [*LEASED, *_UPLOAD_REFUSES],
    query=shapes.UploadQuery,
    body={MULTIPART: shapes.PhotoFiles, JSON: shapes.PhotosInJson, FORM: shapes.PhotosInForm},
)
def upload_imgs() -> Response:
    """Score photos and keep the good ones."""
    with gate().passing():
        person_id, files, challenge = upload_form(request)
        concerns(person_id)
        with lend() as services:
            return answer(flows.upload(person_id, files, services, challenge))


@blueprint.post("/upload_db", strict_slashes=False)
@describe(
    shapes.EnrolResults, _ENROLLED, [*LEASED, *_PHOTOS, *NOT_LIVE, *_ENROL_REFUSES], body={FORM: shapes.EnrolForm}
)
def upload_db() -> Response:
    """Enrol an upload's photos."""
    with gate().passing():
        ask = enrol_form(request)
        concerns(ask.upload_id.rpartition("-")[0])
        for field in ("delete_pickles", "rebuild_db"):
            if getattr(ask, field):
                require_admin(field)
        with lend() as services:
            return answer(flows.enrol(ask, services))


@blueprint.post("/verify", strict_slashes=False)
@describe(
    shapes.VerifyResults,
    [Code.VERIFIED, Code.FOUND],
    [*LEASED, *_PHOTOS, *NOT_LIVE, *_VERIFY_REFUSES],
    refused=shapes.VerifyRefused,
    body={FORM: shapes.VerifyForm},
)
def verify() -> Response:
    """Verify an upload's photos."""
    with gate().passing():
        ask = verify_form(request)
        return _verified(ask, ask.upload_id.rpartition("-")[0], flows.verify)


@blueprint.post("/verify-photo", strict_slashes=False)
@describe(
    shapes.OneCallVerified,
    [Code.VERIFIED, Code.FOUND],
    [*LEASED, *_UPLOAD_REFUSES, *_PHOTOS, *NOT_LIVE, *_VERIFY_REFUSES, Code.VALUE_REFUSED],
    refused=shapes.VerifyRefused,
    query=shapes.VerifyQuery,
    body={MULTIPART: shapes.PhotoFiles, JSON: shapes.PhotosInJson, FORM: shapes.PhotosInForm},
)
def verify_photo() -> Response:
    """Verify photos in one call: /upload_imgs and /verify together."""
    with gate().passing():
        body = sent(request, source().max_photos())
        person_id, files = wanted_id(body), wanted_photos(body)
        ask = flows.VerifyRequest("", *(body.flag(key) for key in ("skip_verify", "skip_db_search", "skip_liveness")))
        challenge = body.text("challenge") or None

        def verify_sent(ask: flows.VerifyRequest, services: flows.Services) -> Outcome:
            return flows.verify_photos(person_id, files, ask, services, challenge)

        return _verified(ask, person_id, verify_sent)


@blueprint.post("/people/<person_id>/faces")
@describe(
    shapes.OneCallEnrolled,
    _ENROLLED,
    [*LEASED, *_UPLOAD_REFUSES, *_PHOTOS, *NOT_LIVE, *_ENROL_REFUSES, Code.NO_ROW, Code.VALUE_REFUSED],
    body={MULTIPART: shapes.FacesFiles, JSON: shapes.FacesJson},
)
def enrol_faces(person_id: str) -> Response:
    """Enrol photos in one call: /upload_imgs and /upload_db together.

    A new person needs a `name`; without one, a person who is enrolled keeps theirs, and an unknown ID is 116.
    """
    with gate().passing():
        body = sent(request, source().max_photos())
        files = wanted_photos(body)
        with lend() as services:
            name = body.text("name") if body.has("name") else flows.name_kept(person_id, services)
            sent_terms = body.text("consent") or None, body.text("retain_until") or None
            terms = flows.check_terms(*sent_terms, Code.VALUE_REFUSED)
            ask = flows.EnrolRequest("", name, False, False, body.flag("in_place"), terms)
            return answer(flows.enrol_photos(person_id, files, ask, services))


@liveness.post("/liveness/challenge", strict_slashes=False)
@describe(
    shapes.ChallengeResults, refuses=[*LEASED, Code.NO_ID, Code.ID_NOT_MATCHED], body={FORM: shapes.ChallengeForm}
)
def challenge() -> Response:
    """Give an ID a challenge, to be answered with an upload."""
    asked = challenge_form(request)
    concerns(asked)
    with lend() as services:
        return answer(flows.challenge(asked, services))


def _verified(
    ask: flows.VerifyRequest, person_id: str, verify: Callable[[flows.VerifyRequest, flows.Services], Outcome]
) -> Response:
    """Verify as this caller may, and count a failure against the ID."""
    who, rules = caller(), source().rules()
    ask = replace(ask, from_owner=who.is_admin, hides_unknown=not who.sees_unknown(rules.hide_unknown))
    concerns(person_id)
    with source().limits().attempt(person_id, rules.failed_verify_limit), lend() as services:
        outcome = verify(ask, services)
    return answer(outcome)
