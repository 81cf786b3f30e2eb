"""Recognition of embeddings that a caller has kept: those that this server's models made of faces before."""

from collections.abc import Mapping, Sequence
from typing import Any

from codes_dict import Code, Outcome
from pipeline.flows.audit import recorded
from pipeline.flows.likeness import compared, nearest_subjects
from pipeline.flows.people import embeddings_of
from pipeline.flows.seen_faces import split
from pipeline.flows.services import Services
from pipeline.flows.subject_rules import subject_face
from pipeline.stages.similarity import ALIKE

Vectors = Sequence[Sequence[float]]


def recognise_embeddings(vectors: Vectors, count: int, services: Services) -> Outcome:
    """Return for each vector the `count` most similar subjects. Refuses with VALUE_REFUSED."""
    probes = split(vectors, "embeddings", services)

    def work() -> Outcome:
        return Outcome(Code.DONE, {"found": nearest_subjects(probes, count, services)})

    return recorded("search", "", services, work)


def compare_embeddings_with_image(image_id: str, vectors: Vectors, services: Services) -> Outcome:
    """Return how alike each vector is to a subject's face. Refuses with VALUE_REFUSED, NO_ROW and NO_FOLDER."""
    probes, face = split(vectors, "embeddings", services), subject_face(image_id, services)

    def work() -> Outcome:
        return _verdict(compared(embeddings_of(face, services), probes, services))

    return recorded("compare", face.person_id, services, work)


def compare_embeddings(source: Sequence[float], vectors: Vectors, services: Services) -> Outcome:
    """Return how alike each vector is to the source. Refuses with VALUE_REFUSED."""
    known, probes = split([source], "source", services), split(vectors, "targets", services)
    return recorded("compare", "", services, lambda: _verdict(compared(known, probes, services)))


def _verdict(found: Sequence[Mapping[str, Any]]) -> Outcome:
    alike = any(one["similarity"] >= ALIKE for one in found)
    return Outcome(Code.SAME_PERSON if alike else Code.NOT_SAME_PERSON, {"found": list(found)})
