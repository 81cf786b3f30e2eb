"""The people who are enrolled, as a resource: listed, shown, renamed, forgotten; faces shown, taken away, moved."""

from collections.abc import Mapping
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.audit import note
from pipeline.flows.services import Services
from pipeline.ledger import Ledger
from pipeline.ports import EnrolledFace, FaceGuard, Terms
from pipeline.stages.compare import against_template
from pipeline.stages.identity import check_name, is_subject, match_id, shown_name
from pipeline.types import EnrolledFaces, Floats, Person

MOST_PEOPLE = 100
"""People of a page."""


def list_people(text: str, after: str, limit: int, services: Services) -> Outcome:
    """Return a page of those whose ID or name contains `text`, by ID; `next` is the `after` of the next page."""
    found = services.people.search(text, limit + 1, after)
    more = len(found) > limit
    page = found[:limit]
    return Outcome(Code.DONE, {"people": [_row(person) for person in page], "next": page[-1].id if more else None})


def show_person(person_id: str, services: Services) -> Outcome:
    """Return a person and the faces. Refuses with NO_ROW."""
    person, faces = services.people.find(person_id), services.faces.of(person_id)
    if person is None:
        raise Refusal(Code.NO_ROW, field="id")
    since, terms = faces[0].made if faces else None, services.people.terms(person_id) or Terms()
    kept = {"consent": terms.consent or None, "retain_until": terms.retain_until}
    return Outcome(Code.DONE, {**_row(person), "since": since, **kept, "faces": [shown_face(face) for face in faces]})


def rename_person(person_id: str, name: str, services: Services) -> Outcome:
    """Give a person another name. Refuses with BAD_NAME and NO_ROW."""
    renamed = services.people.rename(person_id, check_name(name))
    if renamed is None:
        raise Refusal(Code.NO_ROW, field="id")
    note("renamed", services, person_id)
    return Outcome(Code.DONE, _row(renamed))


def face_picture(person_id: str, face_id: str, services: Services, augmented: int = 0) -> bytes:
    """Return a face of a person as PNG, or one of its augmentations, which count from 1.

    Refuses with NO_ROW, also where there are fewer augmentations, and with NO_FOLDER where the face's file is gone.
    """
    face = found_face(face_id, services, person_id)
    picture = services.faces.picture(face, augmented)
    if picture is None and augmented:
        raise Refusal(Code.NO_ROW, advice="This face has fewer augmented pictures.", field="augmented")
    if picture is None:
        raise Refusal(Code.NO_FOLDER, f"picture {face.number} of enrolment {face.token} is gone")
    return picture


def take_face(person_id: str, face_id: str, services: Services) -> Outcome:
    """Take a face away from a person. Refuses as `Faces.take` does, VALUE_REFUSED for the only face among them."""
    services.faces.take(person_id, {face_id})
    note("face taken away", services, person_id, face=face_id)
    return show_person(person_id, services)


def move_face(person_id: str, face_id: str, to: str, services: Services) -> Outcome:
    """Make a person's face one of another person, whom it has to show.

    Refuses with DIFFERENT_PEOPLE where it does not, VALUE_REFUSED where the face is the only one, and NO_ROW.
    Where it is that person's already, nothing changes.
    """
    if to == person_id:
        found_face(face_id, services, person_id)
        return show_person(to, services)
    services.faces.take(person_id, {face_id}, to, same_person_guard(services))
    note("face moved away", services, person_id, face=face_id)
    note("face moved here", services, to, face=face_id)
    return show_person(to, services)


def same_person_guard(services: Services) -> FaceGuard:
    """Return the guard that refuses, with DIFFERENT_PEOPLE, to give faces to a person whom they do not show."""

    def guard(embeddings: Mapping[str, Floats], enrolled: EnrolledFaces | None) -> None:
        scorer, sim_func = services.scorer, services.policy.sim_func
        for known in (enrolled, enrolled.first_ones) if enrolled else ():
            if (against_template(embeddings, known, scorer, sim_func)[0] > scorer.addition_threshold).any():
                raise Refusal(Code.DIFFERENT_PEOPLE, "the face does not match the other person's")

    return guard


def found_face(face_id: str, services: Services, person_id: str = "") -> EnrolledFace:
    """Return a face, of this person if one is named. Refuses with NO_ROW."""
    face = services.faces.find(face_id)
    if face is None or (person_id and face.person_id != person_id):
        raise Refusal(Code.NO_ROW, advice="There is no face with this id.", field="face_id")
    return face


def embeddings_of(face: EnrolledFace, services: Services) -> dict[str, Floats]:
    """Return an enrolled face's embeddings, (1, d) per model. Refuses with NO_FOLDER where they are missing."""
    faces, enrolled = services.faces.of(face.person_id), services.gallery.snapshot().person(face.person_id)
    if enrolled is None or any(len(rows) != len(faces) for rows in enrolled.values()):
        raise Refusal(Code.NO_FOLDER, "embeddings are missing")
    at = [one.id for one in faces].index(face.id)
    return {name: rows[at : at + 1] for name, rows in enrolled.items()}


def shown_face(face: EnrolledFace) -> dict[str, Any]:
    """Return a face as replies show it."""
    return {"face_id": face.id, "made": face.made}


def _row(person: Person) -> dict[str, Any]:
    return {"id": person.id, "name": shown_name(person)}


def forget(person_id: str, services: Services) -> Outcome:
    """Forget whoever has this ID. Refuses with ID_NOT_MATCHED, and with NO_ROW where nothing is stored of it."""
    if not is_subject(person_id):
        match_id(person_id, services.policy.id_regex, Ledger())
    forgotten = services.forgetting.forget(person_id)
    if forgotten is None:
        raise Refusal(Code.NO_ROW, advice="Nothing is stored under this ID.", field="id")
    return Outcome(Code.DONE, {"receipt": services.receipt(person_id, forgotten)})
