"""CompreFace's calls with embeddings in place of photos: those that the plugin `calculator` returned."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request

from api.access import lend
from api.compreface.asked import MOST_FACES, MOST_PREDICTIONS, attempt_at, vectors
from api.compreface.form import BASE, blueprint, described
from api.compreface.subjects import answer
from api.gate import gate
from api.openapi import JSON, LEASED, Other
from api.photos import Sent
from api.shapes import likeness as shapes
from codes_dict import Code
from pipeline import flows

_VECTORS = (*LEASED, Code.VALUE_REFUSED)


@blueprint.post(f"{BASE}/recognition/embeddings/recognize", strict_slashes=False)
@described(
    refuses=_VECTORS,
    query=shapes.PredictionQuery,
    body={JSON: shapes.EmbeddingList},
    other={200: Other("Every embedding with its subjects.", model=shapes.RecognisedEmbeddings)},
)
def recognise_embeddings() -> Response:
    """Say which subjects embeddings are of."""
    with gate().passing():
        query = Sent({}, list(request.args.items(multi=True)))
        count = min(query.number("prediction_count", 1, MOST_FACES, 1), MOST_PREDICTIONS)
        (given,) = vectors(request, embeddings=2)
        with lend() as services:
            outcome = flows.recognise_embeddings(given, count, services)
    found = [{"similarities": its} for its in outcome.results["found"]]
    return answer(outcome, _with_vectors(given, found))


@blueprint.post(f"{BASE}/recognition/embeddings/faces/<image:image_id>/verify")
@described(
    refuses=[*_VECTORS, Code.NO_ROW, Code.NO_FOLDER],
    body={JSON: shapes.EmbeddingList},
    other={200: Other("Every embedding with its similarity.", model=shapes.ComparedEmbeddings)},
)
def verify_embeddings_with_image(image_id: str) -> Response:
    """Say how similar embeddings are to a subject's image."""
    with gate().passing():
        (given,) = vectors(request, embeddings=2)
        with lend() as services, attempt_at(image_id, services) as fail:
            outcome = flows.compare_embeddings_with_image(image_id, given, services)
            if outcome.code is Code.NOT_SAME_PERSON:
                fail()
    return answer(outcome, _with_vectors(given, outcome.results["found"]))


@blueprint.post(f"{BASE}/verification/embeddings/verify", strict_slashes=False)
@described(
    refuses=_VECTORS,
    body={JSON: shapes.SourceAndTargets},
    other={200: Other("Every target with its similarity.", model=shapes.ComparedEmbeddings)},
)
def verify_embeddings() -> Response:
    """Say how similar the target embeddings are to the source."""
    with gate().passing():
        (source,), targets = vectors(request, source=1, targets=2)
        with lend() as services:
            outcome = flows.compare_embeddings(source, targets, services)
    return answer(outcome, _with_vectors(targets, outcome.results["found"]))


def _with_vectors(given: Sequence[Sequence[float]], found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"result": [{"embedding": one, **its} for one, its in zip(given, found, strict=True)]}
