"""A person / face API: people are made with a name, their faces one by one; a photo is compared with every face."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from codes_dict import Code, Kind, Outcome, Refusal
from pipeline.flows.enrol import EnrolRequest
from pipeline.flows.one_call import enrol_photos
from pipeline.flows.people import embeddings_of, forget, found_face, rename_person
from pipeline.flows.photos import see
from pipeline.flows.services import Services, explained
from pipeline.ledger import Ledger
from pipeline.ports import EnrolledFace
from pipeline.stages.compare import fused_scores, shown
from pipeline.stages.identity import check_name, match_id, shown_name
from pipeline.stages.sent_files import SentFile
from pipeline.stages.sightings import stacked
from pipeline.stages.subject import only_subjects

_TAKEN = "The ID belongs to somebody already. Use another one, or update that person."


def create_person(person_id: str, name: str, services: Services) -> Outcome:
    """Make a person without a face. Refuses with ID_NOT_MATCHED, BAD_NAME, and CONFLICT where the ID is taken."""
    match_id(person_id, services.policy.id_regex, Ledger(), "reco_id")
    name = check_name(name)
    if services.people.find(person_id) or not services.announced.add(person_id, name):
        raise Refusal(Code.CONFLICT, advice=_TAKEN, field="reco_id", retry=False)
    return Outcome(Code.DONE, {"id": person_id, "name": name, "faces": 0})


def page_of_people(page: int, size: int, services: Services) -> Outcome:
    """Return a page of everybody: those with faces by ID, then those without. Refuses with NO_ROUTE beyond the last."""
    start, waiting = (page - 1) * size, services.announced.all()
    count, rows = services.people.page(start, size)
    people = [{"id": one.id, "name": shown_name(one), "faces": len(services.faces.of(one.id))} for one in rows]
    after = max(0, start - count)
    people += [{"id": one, "name": name, "faces": 0} for one, name in waiting[after : after + size - len(people)]]
    return _page("people", people, page, size, count + len(waiting))


def update_person(person_id: str, name: str, services: Services) -> Outcome:
    """Give a person another name. Refuses with BAD_NAME and NO_ROW."""
    if services.people.find(person_id) or services.announced.find(person_id) is None:
        return rename_person(person_id, name, services)
    services.announced.rename(person_id, check_name(name))
    return Outcome(Code.DONE, {"id": person_id, "name": check_name(name)})


def page_of_faces(page: int, size: int, services: Services) -> Outcome:
    """Return a page of all faces, oldest first. Refuses with NO_ROUTE beyond the last."""
    count, faces = services.faces.page((page - 1) * size, size)
    return _page("faces", [_face(face) for face in faces], page, size, count)


def faces_of_person(person_id: str, services: Services) -> Outcome:
    """Return a person's faces. Refuses with NO_ROW."""
    _name_of(person_id, services)
    return Outcome(Code.DONE, {"faces": [_face(face) for face in services.faces.of(person_id)]})


def create_face(person_id: str, files: Sequence[SentFile], services: Services) -> Outcome:
    """Enrol one photo as a face of a person; the person's row is made with the first one.

    Refuses with NO_ROW, NO_FILES, and VALUE_REFUSED where it is not one photo that can be enrolled; `reason` is then
    the code with which the enrolment refused.
    """
    name = _name_of(person_id, services)
    face_id = _enrolled(person_id, name, files, services)
    return Outcome(Code.DONE, {"id": face_id, "person_id": person_id})


def update_face(face_id: str, files: Sequence[SentFile], services: Services) -> Outcome:
    """Put another photo of the same person in a face's place; the face keeps its id. Refuses as `create_face` does."""
    person_id = found_face(face_id, services).person_id
    new = _enrolled(person_id, _name_of(person_id, services), files, services)
    services.faces.replace(person_id, face_id, new)
    return Outcome(Code.DONE, {"id": face_id, "person_id": person_id})


def delete_face(face_id: str, services: Services) -> Outcome:
    """Take a face away; the receipt is there where it was the only one, since the person is forgotten then."""
    person_id = found_face(face_id, services).person_id
    if len(services.faces.of(person_id)) == 1:
        return forget(person_id, services)
    services.faces.take(person_id, {face_id})
    return Outcome(Code.DONE, {"receipt": None})


def compare_with_all(files: Sequence[SentFile], person_id: str, limit: int, services: Services) -> Outcome:
    """Compare one photo with every enrolled face, or with one person's, each by itself; the nearest come first.

    Refuses with NO_FILES, VALUE_REFUSED for more than one photo, ALL_REJECTED, NO_FACE, NO_SINGLE_FACE, and NO_ROW.
    """
    results: dict[str, Any] = {"faces": [], "compared": 0, "calibrated": services.scorer.calibrated}
    with explained(results) as ledger:
        if person_id:
            _name_of(person_id, services)
        seen = see([_one(files)], services, ledger, live=False)
        subjects, left_out = only_subjects(seen.faces, ledger)
        if not subjects:
            code = next(iter({**left_out, **seen.left_out}.values()))
            raise Refusal(Code.BAD_BASE64 if files[0].data is None else code, field="image")
        with ledger.stage("compare", 1) as row:
            scored = _scored(stacked(subjects), person_id, services)
            results |= {"faces": scored[:limit], "compared": len(scored)}
            row.went_out = sum(one["accepted"] for one in scored)
    return Outcome(Code.DONE, results)


def _scored(probe: dict[str, Any], person_id: str, services: Services) -> list[dict[str, Any]]:
    """Return every face with its score, nearest first."""
    scorer, sim_func, snapshot = services.scorer, services.policy.sim_func, services.gallery.snapshot()
    found: list[dict[str, Any]] = []
    threshold = scorer.threshold(1, 1)
    for owner in [person_id] if person_id else list(snapshot.candidates(probe, "").ids):
        enrolled, faces = snapshot.person(owner), services.faces.of(owner)
        if enrolled is None:
            continue
        scores, per_model = fused_scores(probe, enrolled, scorer, sim_func, 1)
        for face, score, *values in zip(faces, scores[0], *(one[0] for one in per_model.values()), strict=False):
            found.append(
                {
                    **_face(face),
                    "distances": dict(zip(per_model, map(shown, values), strict=True)),
                    "score": shown(score),
                    "threshold": shown(threshold),
                    "fmr_at_score": scorer.fmr_at(float(score), 1, 1),
                    "accepted": bool(score <= threshold),
                }
            )
    return sorted(found, key=lambda one: np.inf if one["score"] is None else one["score"])


def face_embeddings(face_id: str, services: Services) -> Outcome:
    """Return a face's embeddings by model. Refuses with NO_ROW, and NO_FOLDER where they are missing."""
    face = found_face(face_id, services)
    vectors = {
        name: {"version": services.embedders[name].version, "vector": [float(value) for value in rows[0]]}
        for name, rows in embeddings_of(face, services).items()
    }
    return Outcome(Code.DONE, {**_face(face), "embeddings": vectors})


def _enrolled(person_id: str, name: str, files: Sequence[SentFile], services: Services) -> str:
    """Enrol one photo and return the face's id; refuses with VALUE_REFUSED where the photo cannot be enrolled."""
    try:
        outcome = enrol_photos(person_id, [_one(files)], EnrolRequest("", name), services)
    except Refusal as refusal:
        if refusal.code.kind is not Kind.VERDICT:
            raise
        results = {**(refusal.results or {}), "reason": int(refusal.code)}
        raise Refusal(Code.VALUE_REFUSED, results=results, advice=refusal.advice, field="image") from refusal
    main: str = outcome.results["resulting_imgs"]["main"][0]
    return main.rpartition("/")[2].removesuffix(".png")


def _one(files: Sequence[SentFile]) -> SentFile:
    if not files:
        raise Refusal(Code.NO_FILES, field="image")
    if len(files) > 1:
        raise Refusal(Code.VALUE_REFUSED, advice="Send one image.", field="image")
    return files[0]


def _name_of(person_id: str, services: Services) -> str:
    person = services.people.find(person_id)
    name = shown_name(person) if person else services.announced.find(person_id)
    if name is None:
        raise Refusal(Code.NO_ROW, advice="There is no person with this id.", field="person_id")
    return name


def _face(face: EnrolledFace) -> dict[str, Any]:
    return {"id": face.id, "person_id": face.person_id, "created": face.made}


def _page(what: str, items: Sequence[Any], page: int, size: int, count: int) -> Outcome:
    pages = max(1, -(-count // size))
    if page > pages:
        raise Refusal(Code.NO_ROUTE, advice=f"The last page is {pages}.", field="page")
    return Outcome(Code.DONE, {"count": count, "page": page, "pages": pages, what: items})
