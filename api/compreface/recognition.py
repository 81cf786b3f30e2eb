"""CompreFace's three services for photos: recognition, verification, detection."""

from collections.abc import Mapping
from typing import Any

from flask import Response, request

from api.access import lend
from api.compreface.asked import Question, attempt_at, question
from api.compreface.form import BASE, blueprint, described
from api.compreface.subjects import answer
from api.gate import gate
from api.openapi import LEASED, Other
from api.shapes import compreface as shapes
from api.shapes.likeness import Detected, DetectQuery, Recognised, RecogniseQuery, Verified, VerifiedPair
from codes_dict import Code, Outcome
from pipeline import flows

_PHOTO = (*LEASED, Code.NO_FILES, Code.BAD_BASE64, Code.VALUE_REFUSED, Code.NO_FACE, Code.NO_LIVENESS)


@blueprint.post(f"{BASE}/recognition/recognize", strict_slashes=False)
@described(
    refuses=_PHOTO,
    query=RecogniseQuery,
    body=shapes.ONE_PHOTO,
    other={200: Other("Every face, the largest first.", model=Recognised)},
)
def recognise() -> Response:
    """Say which subjects the faces of a photo show.

    `subjects` names whoever is within the search's threshold, or with COMPREFACE_RECOGNIZE=nearest the most similar.
    """
    with gate().passing():
        ask = question(request, "file")
        with lend() as services:
            outcome = flows.recognise_faces(ask.photos["file"], ask.ask, ask.predictions, services)
    return answer(outcome, _faces(outcome, ask))


@blueprint.post(f"{BASE}/recognition/faces/<image:image_id>/verify")
@described(
    refuses=[*_PHOTO, Code.NO_ROW, Code.NO_FOLDER],
    query=DetectQuery,
    body=shapes.ONE_PHOTO,
    other={200: Other("Every face, the largest first.", model=Verified)},
)
def verify_with_image(image_id: str) -> Response:
    """Say how similar the faces of a photo are to a subject's image."""
    with gate().passing():
        ask = question(request, "file")
        with lend() as services, attempt_at(image_id, services) as fail:
            outcome = flows.compare_with_image(image_id, ask.photos["file"], ask.ask, services)
            if outcome.code is Code.NOT_SAME_PERSON:
                fail()
    return answer(outcome, _faces(outcome, ask))


@blueprint.post(f"{BASE}/verification/verify", strict_slashes=False)
@described(
    refuses=[*_PHOTO, Code.NO_SINGLE_FACE, Code.ALL_SPOOF, Code.NONE_LIVE],
    query=DetectQuery,
    body=shapes.TWO_PHOTOS,
    other={200: Other("Every face of the target, the largest first.", model=VerifiedPair)},
)
def verify_photos() -> Response:
    """Say how similar the faces of the target image are to the one of the source image."""
    with gate().passing():
        ask = question(request, "source_image", "target_image")
        with lend() as services:
            outcome = flows.compare_images(ask.photos["source_image"], ask.photos["target_image"], ask.ask, services)
    shown = _faces(outcome, ask)
    source = _face(outcome.results["source"], outcome.results, ask)
    rest = {key: one for key, one in shown.items() if key != "result"}
    return answer(outcome, {"result": [{"source_image_face": source, "face_matches": shown["result"], **rest}]})


@blueprint.post(f"{BASE}/detection/detect", strict_slashes=False)
@described(
    refuses=_PHOTO,
    query=DetectQuery,
    body=shapes.ONE_PHOTO,
    other={200: Other("Every face, the largest first.", model=Detected)},
)
def detect() -> Response:
    """Find the faces of a photo."""
    with gate().passing():
        ask = question(request, "file")
        with lend() as services:
            outcome = flows.detect_faces(ask.photos["file"], ask.ask, services)
    return answer(outcome, _faces(outcome, ask))


def _faces(outcome: Outcome, ask: Question) -> dict[str, Any]:
    """Return the faces of an outcome as a reply shows them."""
    versions = {"plugins_versions": outcome.results["versions"]} if ask.shows_status else {}
    return {"result": [_face(face, outcome.results, ask) for face in outcome.results["faces"]], **versions}


def _face(face: Mapping[str, Any], results: Mapping[str, Any], ask: Question) -> dict[str, Any]:
    """Return a face with its box by corners."""
    left, top, width, height = face["box"]
    corners = {"x_max": left + width, "y_max": top + height, "x_min": left, "y_min": top}
    shown = {key: one for key, one in face.items() if key not in ("box", "confidence")}
    times = {"execution_time": results["times"]} if ask.shows_status else {}
    return {"box": {"probability": face["confidence"], **corners}, **shown, **times}
