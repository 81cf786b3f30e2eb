"""DeepFace's API, in its own form, on this server's flows."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from api.access import lend
from api.envelope import answer
from api.gate import gate
from api.openapi import LEASED, NO_PHOTO, NOT_LIVE, Other, describe
from api.own_forms import Form, answers_in, sentence
from api.photos import NOT_READ, Sent, sent
from api.shapes import deepface as shapes
from api.source import source
from api.telemetry import concerns
from codes_dict import Code, Kind, Outcome, Refusal
from pipeline.flows import MOST_CANDIDATES, SentFile, Services, attributes, deepface, registering
from pipeline.flows.deepface import Options

blueprint = Blueprint("deepface", __name__)
_described = partial(describe, failed=shapes.DeepFaceError)

HOME = "<h1>DeepFace's API, answered by faceapp</h1>\n"
_ANSWERS = frozenset(code for code in Code if code.kind is Kind.SUCCESS) | {Code.SAME_PERSON, Code.NOT_SAME_PERSON}
_KEYS = {
    Code.NO_KEY: "message",
    Code.NOT_ALLOWED: "message",
    Code.NO_FILES: "exception",
    Code.BAD_BASE64: "exception",
    Code.ALL_REJECTED: "exception",
}
"""What DeepFace calls the text of an error, where that is not `error`."""
_REFUSES = (*LEASED, *NOT_LIVE, *NO_PHOTO, Code.NO_FACE, Code.NO_SINGLE_FACE, Code.VALUE_REFUSED, Code.BAD_FORM)
_ENROLS = (
    *(Code.BAD_NAME, Code.DIFFERENT_PEOPLE, Code.BELONGS_TO_OTHER, Code.USED_BEFORE, Code.INSERT_FAILED),
    *(Code.UPLOAD_GONE, Code.NO_IMAGES, Code.IMAGE_MISSING, Code.NO_ROW, Code.NO_FOLDER),
)
_IMG, _PAIR = ("img",), ("img1", "img2")
_WORDS = re.compile(r"[\[\]()\"'\s]")


@blueprint.get("/deepface/", strict_slashes=False)
@_described(other={200: Other("A line of HTML.", "text/html")})
def home() -> Response:
    """Say that the API is there."""
    return Response(HOME, mimetype="text/html")


@blueprint.post("/deepface/verify", strict_slashes=False)
@_described(
    refuses=[*_REFUSES, Code.DIFFERENT_PEOPLE],
    body=shapes.VERIFY,
    other={200: Other("Whether the photos show the same person.", model=shapes.Verification)},
)
def verify() -> Response:
    """Say whether two photos, of one person each, show the same person. Nothing is kept."""
    return _answered(_PAIR, lambda body, services: deepface.verify(
        _photo(body, "img1"), _photo(body, "img2"), _options(body), services
    ))  # fmt: skip


@blueprint.post("/deepface/represent", strict_slashes=False)
@_described(
    refuses=_REFUSES,
    body=shapes.REPRESENT,
    other={200: Other("The faces with their embeddings.", model=shapes.Representations)},
)
def represent() -> Response:
    """Return the embedding of each face of a photo. Embeddings are biometric data."""
    return _answered(_IMG, lambda body, services: deepface.represent(
        _photo(body, "img"), _options(body), body.number("max_faces", 1, shapes.MOST_FACES, shapes.MOST_FACES), services
    ))  # fmt: skip


@blueprint.post("/deepface/analyze", strict_slashes=False)
@_described(
    refuses=[*_REFUSES, Code.NO_WEIGHTS],
    body=shapes.ANALYZE,
    other={200: Other("The faces with their attributes.", model=shapes.Analysis)},
)
def analyze() -> Response:
    """Estimate age, gender and emotion of each face of a photo, with DeepFace's models. No verdict uses it.

    Their weights do not come with the server: an operator puts them into bin/model/weights.
    """
    return _answered(_IMG, lambda body, services: attributes.analyze(
        _photo(body, "img"), _actions(body), _options(body), services
    ))  # fmt: skip


@blueprint.post("/deepface/search", strict_slashes=False)
@_described(
    refuses=_REFUSES, body=shapes.FIND, other={200: Other("The people found for each face.", model=shapes.Matches)}
)
def search() -> Response:
    """Say who of everybody enrolled a photo shows."""

    def work(body: Sent, services: Services) -> Outcome:
        limit = body.number("k", 1, MOST_CANDIDATES, MOST_CANDIDATES)
        method = body.choice("search_method", {"exact": "exact", "ann": "ann"}) or "exact"
        similar = body.flag("similarity_search")
        return deepface.search_gallery(_photo(body, "img"), _options(body), limit, similar, method, services)

    return _answered(_IMG, work)


@blueprint.post("/deepface/register", strict_slashes=False)
@_described(
    refuses=[*_REFUSES, *_ENROLS],
    body=shapes.REGISTER,
    other={200: Other("Who was registered.", model=shapes.Registered)},
)
def register() -> Response:
    """Enrol a photo of one person. `search` finds the person from then on, in this API and in all others."""

    def work(body: Sent, services: Services) -> Outcome:
        name = body.text("img_name") or str(uuid.uuid4())
        outcome = registering.register(_photo(body, "img"), name, _options(body), services)
        concerns(outcome.results["id"])
        return outcome

    return _answered(_IMG, work)


@blueprint.post("/deepface/build/index", strict_slashes=False)
@_described(refuses=LEASED, other={200: Other("How many people a search sees.", model=shapes.IndexState)})
def build_index() -> Response:
    """Say that there is nothing to build: a search sees everybody who is enrolled, always."""
    with lend() as services:
        return answer(deepface.index_state(services))


def _answered(images: tuple[str, ...], work: Callable[[Sent, Services], Outcome]) -> Response:
    """Read the request, whose photos have these names, and answer with what `work` makes of it."""
    with gate().passing():
        sets = [name for image in images for name in (image, f"{image}_path")]
        body = sent(request, source().max_photos(), sets)
        body = replace(body, fields=[(key, value) for key, value in body.fields if value is not None])
        with lend() as services, _naming_no_photo():
            outcome = work(body, services)
    return answer(outcome)


@contextmanager
def _naming_no_photo() -> Iterator[None]:
    """Say of something that is no photo that the server reads neither addresses nor paths: it may be meant as one."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code is Code.ALL_REJECTED and refusal.advice == refusal.code.caller_does:
            refusal.advice = f"What was sent is no photo. {NOT_READ}"
        raise


def _photo(body: Sent, name: str) -> SentFile:
    """Return the one photo that was sent as `name`, or as `name_path`, as older programs call it."""
    found = [*body.photos[name], *body.photos[f"{name}_path"]]
    if len(found) != 1:
        raise Refusal(Code.NO_FILES, advice=f"Send one photo as {name}: base64 text, or a file.", field=name)
    if found[0].data is None:
        raise Refusal(Code.BAD_BASE64, advice=found[0].fault, field=name)
    return found[0]


def _options(body: Sent) -> Options:
    body.flag("align")  # neither changes anything, but what is no flag is refused
    body.text("detector_backend")
    given = {key for key, _ in body.fields}
    return Options(
        body.text("model_name"),
        body.text("distance_metric", "cosine"),
        body.flag("anti_spoofing"),
        body.flag("enforce_detection") or "enforce_detection" not in given,
    )


def _actions(body: Sent) -> list[str]:
    """Return what is asked of a face: a list, or text such as `age,gender` or `['age', 'gender']`."""
    found = [value for key, value in body.fields if key == "actions"]
    if not found:
        return list(attributes.ACTIONS)
    words = found if len(found) > 1 else found[0]
    words = _WORDS.sub("", words).split(",") if isinstance(words, str) else words
    if not isinstance(words, list) or not all(isinstance(one, str) for one in words):
        raise Refusal(Code.VALUE_REFUSED, advice="Send actions as a list of words.", field="actions")
    return list(dict.fromkeys(words))


def _body(code: Code, results: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a reply in DeepFace's form: results as they are, or what is wrong in the keys that it uses for that."""
    if code in _ANSWERS:
        return {key: value for key, value in results.items() if key != "stages"}
    said = sentence(code, results)
    named = {key: results[key] for key in ("field", "retry_after") if results.get(key) is not None}
    return {"error": said, **({_KEYS[code]: said} if code in _KEYS else {}), "code": int(code), **named}


def _status(code: Code) -> int:
    """Return the HTTP status: 400 for whatever is wrong with a photo or a value, as DeepFace has it."""
    return 400 if code not in _ANSWERS and code.status in (200, 422) else code.status


answers_in(Form(_body, _status), below="/deepface/")
