"""Which subject is it, and how alike are two faces? Every face of a photo gets its own answer; nothing is kept."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.audit import recorded
from pipeline.flows.people import embeddings_of
from pipeline.flows.photos import Seen, see
from pipeline.flows.seen_faces import FaceOptions, shown_face, shown_times, split
from pipeline.flows.services import Services, explained
from pipeline.flows.subject_rules import for_subjects, subject_face, subject_name
from pipeline.ledger import Ledger
from pipeline.stages.compare import fused_scores
from pipeline.stages.identity import is_subject
from pipeline.stages.liveness import keep_live
from pipeline.stages.ranking import group_scores
from pipeline.stages.sent_files import SentFile
from pipeline.stages.sightings import Sighting, stacked
from pipeline.stages.similarity import ALIKE, Similarity, similarity_of
from pipeline.stages.subject import only_subjects
from pipeline.types import Floats, Liveness

Vectors = Sequence[Sequence[float]]
"""Embeddings that a caller has kept: this server's models made them of faces before."""


def detect_faces(file: SentFile, ask: FaceOptions, services: Services) -> Outcome:
    """Return the faces of a photo, largest first. Refuses with BAD_BASE64 where it is none, and with NO_FACE."""
    results = dict[str, Any]()
    services = for_subjects(services, ask.least_confidence)
    live = "liveness" in ask.plugins and services.policy.liveness_for_compreface != "off"
    with explained(results) as ledger:
        seen, faces = _faces(file, ask, live, services, ledger)
        results["faces"] = [shown_face(face, seen, ask, services) for face in faces]
    return Outcome(Code.DONE, results | shown_times(ledger, services))


def recognise_faces(file: SentFile, ask: FaceOptions, count: int, services: Services) -> Outcome:
    """Return for each face of a photo the `count` most similar subjects, 1 or more, as COMPREFACE_RECOGNIZE says.

    Refuses as `detect_faces` does, and with NO_LIVENESS where faces have to be live and cannot be judged.
    """
    services = for_subjects(services, ask.least_confidence)

    def work() -> Outcome:
        results = dict[str, Any]()
        with explained(results) as ledger:
            seen, faces = _faces(file, ask, _judges(services), services, ledger)
            with ledger.stage("search", len(faces)) as row:
                found = _nearest_subjects(stacked(faces), count, services)
                row.went_out = sum(map(bool, found))
            results["faces"] = [
                shown_face(face, seen, ask, services) | {"subjects": [] if _is_refused(face, services) else its}
                for face, its in zip(faces, found, strict=True)
            ]
        return Outcome(Code.DONE, results | shown_times(ledger, services))

    return recorded("search", "", services, work)


def compare_with_image(image_id: str, file: SentFile, ask: FaceOptions, services: Services) -> Outcome:
    """Return how alike each face of a photo is to a subject's face. Refuses with NO_ROW, and as `recognise_faces`."""
    services = for_subjects(services, ask.least_confidence)
    known = subject_face(image_id, services)

    def work() -> Outcome:
        results = dict[str, Any]()
        with explained(results) as ledger:
            seen, faces = _faces(file, ask, _judges(services), services, ledger)
            results["faces"] = _similar(embeddings_of(known, services), faces, seen, ask, services, ledger)
        return _verdict(results | shown_times(ledger, services))

    return recorded("compare", known.person_id, services, work)


def compare_images(source: SentFile, target: SentFile, ask: FaceOptions, services: Services) -> Outcome:
    """Return how alike each face of `target` is to the one of `source`, which alone has to be live.

    Refuses as `recognise_faces` does, with NO_SINGLE_FACE where the source shows several people, and with ALL_SPOOF and
    NONE_LIVE where its face has to be live and is not.
    """
    services = for_subjects(services, ask.least_confidence)

    def work() -> Outcome:
        results = dict[str, Any]()
        with explained(results) as ledger:
            first, ones = _faces(source, FaceOptions(), _judges(services), services, ledger)
            subjects, left_out = only_subjects({ones[0].photo: ones}, ledger)
            if not subjects:
                raise Refusal(next(iter(left_out.values())), field="source_image")
            if services.policy.liveness_for_compreface == "refuse":
                keep_live(subjects, ledger)
            seen, faces = _faces(target, ask, False, services, ledger)
            results["source"] = shown_face(subjects[0], first, ask, services)
            results["faces"] = _similar(stacked(subjects), faces, seen, ask, services, ledger)
        return _verdict(results | shown_times(ledger, services))

    return recorded("compare", "", services, work)


def recognise_embeddings(vectors: Vectors, count: int, services: Services) -> Outcome:
    """Return for each vector the `count` most similar subjects. Refuses with VALUE_REFUSED."""
    probes = split(vectors, "embeddings", services)

    def work() -> Outcome:
        return Outcome(Code.DONE, {"found": _nearest_subjects(probes, count, services)})

    return recorded("search", "", services, work)


def compare_embeddings_with_image(image_id: str, vectors: Vectors, services: Services) -> Outcome:
    """Return how alike each vector is to a subject's face. Refuses with VALUE_REFUSED, NO_ROW and NO_FOLDER."""
    probes, face = split(vectors, "embeddings", services), subject_face(image_id, services)

    def work() -> Outcome:
        return _verdict({"found": _compared(embeddings_of(face, services), probes, services)}, "found")

    return recorded("compare", face.person_id, services, work)


def compare_embeddings(source: Sequence[float], vectors: Vectors, services: Services) -> Outcome:
    """Return how alike each vector is to the source. Refuses with VALUE_REFUSED."""
    known, probes = split([source], "source", services), split(vectors, "targets", services)
    return recorded("compare", "", services, lambda: _verdict({"found": _compared(known, probes, services)}, "found"))


def _nearest_subjects(probes: Mapping[str, Floats], count: int, services: Services) -> list[list[dict[str, Any]]]:
    """Return for each probe, (n, d) per model, the most similar subjects; people who are none are passed over."""
    snapshot, scorer = services.gallery.snapshot(), services.scorer
    number = len(probes[scorer.models[0]])
    if not snapshot.people:
        return [[] for _ in range(number)]
    scale = similarity_of(scorer, scorer.search_threshold(snapshot.people, 1))
    everybody = snapshot.candidates(probes, "")
    scores = group_scores(probes, [[at] for at in range(number)], everybody, scorer, services.policy.sim_func)
    only_accepted = services.policy.compreface_recognize == "accepted"
    return [
        [
            {"subject": subject_name(everybody.ids[at], services), **_alike(float(its[at]), scale, services)}
            for at in _subjects_by_score(its, everybody.ids, count)
            if its[at] <= scale.limit or not only_accepted
        ]
        for its in scores
    ]


def _faces(
    file: SentFile, ask: FaceOptions, live: bool, services: Services, ledger: Ledger
) -> tuple[Seen, list[Sighting]]:
    """Return what was seen and the faces that were asked for, one at least."""
    seen = see([file], services, ledger, live=live)
    if not seen.faces:
        raise Refusal(Code.BAD_BASE64, advice=" ".join(one.advice for its in seen.files for one in its.checks))
    faces = [face for its_faces in seen.faces.values() for face in its_faces]
    if not faces:
        raise Refusal(Code.NO_FACE)
    return seen, faces[: ask.limit or None]


def _compared(known: Mapping[str, Floats], probes: Mapping[str, Floats], services: Services) -> list[dict[str, Any]]:
    """Return how alike each probe, (n, d) per model, is to a known face, (1, d) per model."""
    scale = similarity_of(services.scorer)
    scores, _ = fused_scores(probes, known, services.scorer, services.policy.sim_func, 1)
    return [_alike(float(score), scale, services) for score in scores[:, 0]]


def _alike(score: float, scale: Similarity, services: Services) -> dict[str, Any]:
    return {"similarity": scale.of(score), "fmr_at_score": services.scorer.fmr_at(score, 1, 1)}


def _similar(
    known: Mapping[str, Floats],
    faces: Sequence[Sighting],
    seen: Seen,
    ask: FaceOptions,
    services: Services,
    ledger: Ledger,
) -> list[dict[str, Any]]:
    """Return the faces with their similarity to a known one: none where a face has to be live and is not."""
    with ledger.stage("compare", len(faces)) as row:
        found = _compared(known, stacked(faces), services)
        row.went_out = sum(one["similarity"] >= ALIKE for one in found)
    return [
        {
            **shown_face(face, seen, ask, services),
            **({"similarity": 0.0, "fmr_at_score": None} if _is_refused(face, services) else its),
        }
        for face, its in zip(faces, found, strict=True)
    ]


def _verdict(results: dict[str, Any], what: str = "faces") -> Outcome:
    alike = any(one["similarity"] >= ALIKE for one in results[what])
    return Outcome(Code.SAME_PERSON if alike else Code.NOT_SAME_PERSON, results)


def _subjects_by_score(scores: Floats, ids: Sequence[str], count: int) -> Iterator[int]:
    """Yield the places of the `count` subjects with the lowest scores, lowest first."""
    found = 0
    for at in np.argsort(scores, kind="stable"):
        if is_subject(ids[int(at)]):
            yield int(at)
            found += 1
        if found == count:
            return


def _judges(services: Services) -> bool:
    return services.policy.liveness_for_compreface != "off"


def _is_refused(face: Sighting, services: Services) -> bool:
    has_to_be_live = services.policy.liveness_for_compreface == "refuse"
    return has_to_be_live and face.verdict is not None and face.verdict.state is not Liveness.LIVE
