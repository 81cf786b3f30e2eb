"""FaceHash's two endpoints, in its own form: `responseType`, `successDescription`, `errorDescription`."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from api.access import caller, lend
from api.bodies import FORM, MULTIPART
from api.envelope import answer, reply
from api.gate import gate
from api.jobs import jobs
from api.openapi import JSON, LEASED, NOT_LIVE, Other, describe
from api.own_forms import Form, answers_in, sentence
from api.photos import Sent, sent
from api.shapes import facehash as shapes
from api.source import source
from codes_dict import Code, Outcome, Refusal
from pipeline import flows
from pipeline.jobs import Progress

TEST_KEY = "API_KEY_TEST_1"
"""The API_KEY of a server without keys."""
FACES_SHARE = 0.6
"""The share of a training's progress at which the photos are looked at and the network begins to learn."""

_FAILURES = {
    Code.NOT_VERIFIED: "Face not recognized.",
    Code.NO_FACE: "Face not detected.",
    **dict.fromkeys((Code.ALL_SPOOF, Code.NONE_LIVE), "Face not live."),
}
_PHOTOS = ("image", "picture", "images", "images[]")
_CODES = [*LEASED, Code.NO_FACE, Code.NOT_VERIFIED, Code.BAD_BASE64, Code.BAD_NAME, Code.VALUE_REFUSED, Code.NO_FILES]

blueprint = Blueprint("facehash", __name__)


@blueprint.post("/recognize/", strict_slashes=False)
@describe(
    refuses=[*_CODES, *NOT_LIVE, Code.ALL_REJECTED, Code.CONFLICT],
    body=shapes.RECOGNIZE,
    other={200: Other("SUCCESS where the photo shows the user, else FAILURE.", model=shapes.Recognized)},
    failed=shapes.Failure,
)
def recognize() -> Response:
    """Say whether a photo shows a user of the key's classifier.

    FaceHash's form: `FAILURE` says "Face not recognized.", "Face not detected." or, with `live`, "Face not live.";
    `ERROR` has an `errorDescription`. A user who is not recognised too often (FAILED_VERIFY_LIMIT) has to wait.
    """
    with gate().passing():
        body = sent(request, 1, _PHOTOS)
        home, username, photos, live = _home(body), _username(body), _photos(body), body.flag("live")
        if not photos:
            raise Refusal(Code.NO_FILES, advice="Send one photo as base64 text in image.", field="image")
        limit = source().rules().failed_verify_limit
        with source().limits().attempt(f"{home}:{username}", limit), lend() as services:
            return answer(flows.recognise(home, username, photos[0], services, live=live))


@blueprint.post("/train", strict_slashes=False)
@describe(
    refuses=[*_CODES, Code.DIFFERENT_PEOPLE, Code.CONFLICT, Code.NO_STRANGERS],
    query=shapes.TrainQuery,
    body={JSON: shapes.TrainBody, FORM: shapes.TrainForm, MULTIPART: shapes.TrainFiles},
    other={
        200: Other("The classifier knows the user.", model=shapes.Trained),
        202: Other("The training has begun, with `async=true`.", model=shapes.TrainStarted),
    },
    failed=shapes.Failure,
)
def train() -> Response:
    """Teach the key's classifier a user's face, from 10 to 100 images.

    The reply waits for the training; with `?async=true` it names a job to poll. Until the new classifier is ready the
    old one answers; the swap is atomic. A second training of the same key meanwhile is refused with 409.
    """
    with gate().passing():
        body = sent(request, source().max_photos(), _PHOTOS)
        home, username, is_async = _home(body), _username(body), body.flag("async")
        flows.check_lesson(username, _photos(body))
        with lend() as services:
            services.classifiers.check_options(dict(body.fields))
    work = _training(home, username, body)
    job = jobs().start("train", caller().key_id, home, work)
    if is_async:
        started = reply(Code.DONE, {"job": job.id})
        started.status_code = 202
        return started
    outcome = job.wait()
    return answer(outcome)


def _training(home: str, username: str, body: Sent) -> Any:
    """Return the work of a training, which runs outside the request."""
    door, lease = gate(), source().lease

    def work(progress: Progress) -> Outcome:
        with lease() as services:
            with door.passing():
                look = partial(flows.look_at_lesson, home, username, _photos(body), services)
                lesson = look(lambda share: progress(FACES_SHARE * share))
            rest = 1 - FACES_SHARE
            options = dict(body.fields)
            return flows.train(home, lesson, options, services, lambda share: progress(FACES_SHARE + rest * share))

    return work


def _home(body: Sent) -> str:
    """Return the home of the caller: the key's id, or that of the test key where the server has no keys.

    Who may call was decided from the headers. API_KEY names the same key once more, or is left out where the header has
    it; another one is refused. It never becomes a path.
    """
    key, who = _named_key(body), caller()
    if not who.key_id:
        if key != TEST_KEY:
            raise Refusal(Code.NO_KEY, advice=f"On a server without keys, API_KEY is {TEST_KEY}.", field="API_KEY")
        return TEST_KEY
    found = source().keyring.current().find(key, time.time())
    if key and (found is None or found.key_id != who.key_id):
        advice = "Send the same key in API_KEY and in the header X-API-Key, or leave API_KEY out."
        raise Refusal(Code.NO_KEY, advice=advice, field="API_KEY")
    return who.key_id


def _named_key(body: Sent) -> str:
    """Return what API_KEY says; JSON's null says nothing, and what is no text names no key."""
    if ("API_KEY", None) in body.fields:
        return ""
    try:
        return body.text("API_KEY")
    except Refusal as refusal:
        raise Refusal(Code.NO_KEY, advice=refusal.advice, field="API_KEY") from refusal


def _photos(body: Sent) -> list[flows.SentFile]:
    return [photo for key in _PHOTOS for photo in body.photos[key]]


def _username(body: Sent) -> str:
    """Return the user's name as it is compared."""
    name = body.text("username") or body.text("userName")
    if not name:
        raise Refusal(Code.VALUE_REFUSED, advice="Send the user's name in username.", field="username")
    return flows.user_name(name)


def _form(code: Code, results: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a reply in FaceHash's form."""
    if code in _FAILURES:
        return {"responseType": "FAILURE", "successDescription": _FAILURES[code]}
    if code is not Code.DONE:
        named = {key: results[key] for key in ("field", "retry_after") if key in results}
        return {"responseType": "ERROR", "errorDescription": sentence(code, results), "code": int(code), **named}
    if "job" in results:
        job = {"job": results["job"], "poll": f"/jobs/{results['job']}"}
        return {"responseType": "SUCCESS", "successDescription": "Training started.", **job}
    if "confidencePercentage" in results:
        return {"responseType": "SUCCESS", "successDescription": "Face recognized successfully.", **results}
    return {"responseType": "SUCCESS", "successDescription": "Model trained successfully."}


answers_in(Form(_form), "/recognize", "/train")
