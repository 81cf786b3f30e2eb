"""Endpoints that take photos and keep nothing of them: compare, search, detect, embed."""

import secrets

from flask import Blueprint, Response, request

from api.access import caller, lend
from api.bodies import MULTIPART
from api.envelope import answer, reply
from api.forms import readable_photos
from api.gate import gate
from api.jobs import jobs
from api.openapi import JSON, LEASED, NO_PHOTO, NOT_LIVE, describe
from api.photos import ALL, Sent, sent
from api.shapes import compare as shapes
from api.shapes.pipeline import PhotoFiles, PhotosInJson
from api.source import source
from codes_dict import Code, Outcome
from pipeline import flows
from pipeline.jobs import Progress

blueprint = Blueprint("compare", __name__)

_SET = {"a": "a", "b": "b", "false": "", "0": ""}


@blueprint.post("/compare", strict_slashes=False)
@describe(
    shapes.CompareResults,
    [Code.SAME_PERSON, Code.NOT_SAME_PERSON],
    [*LEASED, *NO_PHOTO, *NOT_LIVE, Code.NO_FACE, Code.NO_SINGLE_FACE, Code.DIFFERENT_PEOPLE, Code.VALUE_REFUSED],
    refused=shapes.CompareRefused,
    body={MULTIPART: shapes.CompareFiles, JSON: shapes.CompareJson},
)
def compare() -> Response:
    """Say whether two photos show the same person.

    `a` is who somebody is said to be, `b` is the photo to check; each is one photo or several. With `live`, `b` is a
    selfie and has to be live. With `document`, `a` is a photo of an ID card or passport: its largest face counts.
    Either may name the other set instead. Nothing is kept.
    """
    with gate().passing():
        body = sent(request, source().max_photos(), ("a", "b"))
        for side in ("a", "b"):
            readable_photos(body.photos[side], side)
        document = body.choice("document", {**_SET, "true": "a", "1": "a"})
        selfie = "a" if document == "b" else "b"
        live = body.choice("live", {**_SET, "true": selfie, "1": selfie})
        ask = flows.CompareRequest(body.photos["a"], body.photos["b"], live, document)
        with lend() as services:
            return answer(flows.compare(ask, services))


@blueprint.post("/search", strict_slashes=False)
@describe(
    shapes.SearchResults,
    refuses=[*LEASED, *NO_PHOTO, Code.NO_FACE, Code.NO_LIVENESS, Code.VALUE_REFUSED],
    query=shapes.SearchQuery,
    body={MULTIPART: PhotoFiles, JSON: PhotosInJson},
)
def search() -> Response:
    """Say who photos show: the nearest people of everybody enrolled, for each face.

    `accepted` marks whoever is within the search's threshold. With `live`, a face also has to be live. With
    `async=true` the reply is a job, to be polled at /jobs/ID.
    """
    with gate().passing():
        body = sent(request, source().max_photos())
        ask = flows.SearchRequest(
            readable_photos(body.photos[ALL]), body.number("limit", 1, flows.MOST_CANDIDATES, 5), body.flag("live")
        )
        if body.flag("async"):
            return reply(Code.DONE, _start_search(ask))
        with lend() as services:
            return answer(flows.search(ask, services))


@blueprint.post("/detect", strict_slashes=False)
@describe(shapes.FacesResults, refuses=[*LEASED, *NO_PHOTO], body={MULTIPART: PhotoFiles, JSON: PhotosInJson})
def detect() -> Response:
    """Find the faces of photos: boxes, landmarks, and each photo's score with the checks behind it."""
    return _faces(embeddings=False)


@blueprint.post("/embed", strict_slashes=False)
@describe(shapes.EmbedResults, refuses=[*LEASED, *NO_PHOTO], body={MULTIPART: PhotoFiles, JSON: PhotosInJson})
def embed() -> Response:
    """Find the faces of photos and return their embeddings by every selected model.

    Embeddings are biometric data. `version` names what they depend on: only those of one version can be compared.
    """
    return _faces(embeddings=True)


def _faces(*, embeddings: bool) -> Response:
    with gate().passing():
        body: Sent = sent(request, source().max_photos())
        with lend() as services:
            return answer(flows.faces_of(body.photos[ALL], services, embeddings=embeddings))


def _start_search(ask: flows.SearchRequest) -> dict[str, str]:
    services, owner = source(), caller().key_id

    def work(progress: Progress) -> Outcome:
        with services.lease() as lent:
            return flows.search(ask, lent, progress)

    return {"job": jobs().start("search", owner, secrets.token_hex(8), work).id}
