"""Subjects: people who are known by their names alone, with or without faces. Each image adds one face."""

from collections.abc import Mapping, Sequence

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.audit import note
from pipeline.flows.enrol import EnrolRequest
from pipeline.flows.one_call import enrol_photos
from pipeline.flows.people import same_person_guard
from pipeline.flows.services import Services
from pipeline.flows.subject_rules import for_subjects, image_id_of, subject_face, subject_name
from pipeline.ports import EnrolledFace
from pipeline.stages.identity import SUBJECTS, check_name
from pipeline.stages.sent_files import SentFile

_NO_SUBJECT = "There is no subject with this name."


def list_subjects(services: Services) -> Outcome:
    """Return the names of all subjects, in order."""
    return Outcome(Code.DONE, {"subjects": [name for _, name in services.subjects.all()]})


def add_subject(name: str, services: Services) -> Outcome:
    """Make a subject without a face. Refuses with BAD_NAME, and with CONFLICT where the name is taken."""
    name = check_name(name)
    if not services.subjects.announce(name)[1]:
        raise Refusal(Code.CONFLICT, advice="There is a subject with this name already.", field="subject", retry=False)
    return Outcome(Code.DONE, {"subject": name})


def rename_subject(name: str, new_name: str, services: Services) -> Outcome:
    """Give a subject another name; onto the name of another one, their faces become that one's.

    Refuses with BAD_NAME, NO_ROW, and DIFFERENT_PEOPLE where the two are not one person.
    """
    person_id, new_name = _found(name, services), check_name(new_name)
    other = services.subjects.rename(person_id, new_name)
    if other is None:
        note("renamed", services, person_id)
    else:
        _merge(person_id, other, new_name, services)
    return Outcome(Code.DONE, {"updated": True})


def _merge(person_id: str, other: str, name: str, services: Services) -> None:
    """Give all faces of a subject to another one, whose name is `name`, and forget the first."""
    faces = [face.id for face in services.faces.of(person_id)]
    if faces and services.announced.remove(other):  # it has a name and no face: the name is all that there is to merge
        services.subjects.rename(person_id, name)
        note("renamed", services, person_id)
        return
    if faces:
        services.faces.take(person_id, faces, other, same_person_guard(services), also_last=True)
        note("faces moved here", services, other, faces=len(faces))
    services.forgetting.forget(person_id)


def delete_subject(name: str, services: Services) -> Outcome:
    """Forget a subject: every trace goes, and the receipt says so. Refuses with NO_ROW."""
    person_id = _found(name, services)
    forgotten = services.forgetting.forget(person_id)
    if forgotten is None:  # another request was faster
        raise Refusal(Code.NO_ROW, advice=_NO_SUBJECT, field="subject")
    return Outcome(Code.DONE, {"subject": name, "receipt": services.receipt(person_id, forgotten)})


def delete_subjects(services: Services) -> Outcome:
    """Forget all subjects; other people stay."""
    gone = sum(services.forgetting.forget(person_id) is not None for person_id, _ in services.subjects.all())
    return Outcome(Code.DONE, {"deleted": gone})


def page_of_images(page: int, size: int, subject: str, services: Services) -> Outcome:
    """Return a page of the subjects' images, counted from 0, oldest first; with `subject`, of that one's."""
    person_id = services.subjects.find(subject) if subject else None
    if subject and person_id is None:
        count, faces = 0, list[EnrolledFace]()
    else:
        ids = (person_id, f"{person_id}!") if person_id else SUBJECTS  # no character of an ID is before "!"
        count, found = services.faces.page(page * size, size, ids)
        faces = list(found)
    names = {one: subject or subject_name(one, services) for one in dict.fromkeys(face.person_id for face in faces)}
    images = [{"image_id": image_id_of(face.id), "subject": names[face.person_id]} for face in faces]
    counts = {"page_number": page, "page_size": size, "total_pages": -(-count // size), "total_elements": count}
    return Outcome(Code.DONE, {"faces": images, **counts})


def add_image(subject: str, file: SentFile, least_confidence: float, services: Services) -> Outcome:
    """Enrol one photo as a face of a subject, who is made where there is none.

    Refuses with BAD_NAME, NO_FACE, NO_SINGLE_FACE, and as `enrol` does: a poor photo, a face that is not live, another
    person's face.
    """
    name = check_name(subject)
    _, outcome = enrol_subject(name, file, services, for_subjects(services, least_confidence))
    main: str = outcome.results["resulting_imgs"]["main"][0]
    image_id = image_id_of(main.rpartition("/")[2].removesuffix(".png"))
    warnings = {"warnings": outcome.results["warnings"]} if outcome.results.get("warnings") else {}
    return Outcome(Code.DONE, {"image_id": image_id, "subject": name, **warnings, "stages": outcome.results["stages"]})


def enrol_subject(name: str, file: SentFile, services: Services, rules: Services) -> tuple[str, Outcome]:
    """Enrol one photo of a subject, who is made where there is none, under the rules of `for_subjects`.

    Returns the ID and how `enrol_photos` ended; refuses as `explained` says, and no new subject is left then.
    """
    person_id, is_new = services.subjects.announce(name)
    try:
        outcome = enrol_photos(person_id, [file], EnrolRequest("", name), rules)
    except Refusal as refusal:
        if is_new:
            services.announced.remove(person_id)
        raise explained(refusal) from refusal
    return person_id, outcome


def delete_image(image_id: str, services: Services) -> Outcome:
    """Take a subject's face away; the subject stays, if without a face. Refuses with NO_ROW."""
    face = subject_face(image_id, services)
    name = subject_name(face.person_id, services)
    _take(face, name, services)
    return Outcome(Code.DONE, {"image_id": image_id, "subject": name})


def delete_listed(image_ids: Sequence[str], services: Services) -> Outcome:
    """Take faces away; ids that there are not are left out of the reply."""
    images = []
    for image_id in dict.fromkeys(image_ids):
        try:
            images.append(delete_image(image_id, services).results)
        except Refusal as refusal:
            if refusal.code is not Code.NO_ROW:
                raise
    return Outcome(Code.DONE, {"images": images})


def delete_images(subject: str, services: Services) -> Outcome:
    """Take all faces of a subject away, or of all subjects; the subjects stay. Refuses with NO_ROW."""
    named = [(_found(subject, services), subject)] if subject else services.subjects.all()
    counted = [(person_id, name, len(services.faces.of(person_id))) for person_id, name in named]
    for person_id, name, faces in counted:
        if faces:
            _empty(person_id, name, services)
    return Outcome(Code.DONE, {"deleted": sum(faces for _, _, faces in counted)})


def image_picture(image_id: str, services: Services) -> bytes:
    """Return a subject's aligned face as PNG; nothing where there is none."""
    try:
        return services.faces.picture(subject_face(image_id, services)) or b""
    except Refusal as refusal:
        if refusal.code is Code.NO_ROW:
            return b""
        raise


def _take(face: EnrolledFace, name: str, services: Services) -> None:
    if len(services.faces.of(face.person_id)) == 1:
        _empty(face.person_id, name, services)
        return
    services.faces.take(face.person_id, {face.id})
    note("face taken away", services, face.person_id, face=face.id)


def _empty(person_id: str, name: str, services: Services) -> None:
    """Forget whoever has these faces, and keep the name: as a subject that nobody was enrolled for."""
    services.forgetting.forget(person_id)
    services.subjects.announce(name)


def _found(name: str, services: Services) -> str:
    person_id = services.subjects.find(name)
    if person_id is None:
        raise Refusal(Code.NO_ROW, advice=_NO_SUBJECT, field="subject")
    return person_id


def explained(refusal: Refusal) -> Refusal:
    """Return why a photo was not enrolled, as precisely as is known: no photo, no face, or what was refused."""
    results = refusal.results or {}
    checks = [check for its in results.get("reasons", {}).values() for check in its]
    left_out = set(results.get("left_out", {}).values())
    if results.get("errors") and not results.get("scores"):
        return Refusal(Code.BAD_BASE64, results=results, advice=_advice(checks), field="file")
    if any(one["check"] == "OnePerson" and one["value"] == 0 for one in checks) or int(Code.NO_FACE) in left_out:
        return Refusal(Code.NO_FACE, results=results, field="file")
    if refusal.code is Code.ALL_REJECTED:
        return Refusal(Code.ALL_REJECTED, results=results, advice=_advice(checks), field="file")
    return refusal


def _advice(checks: Sequence[Mapping[str, object]]) -> str:
    """Return what the checks that a photo did not pass advise."""
    return " ".join(dict.fromkeys(str(one["advice"]) for one in checks if not one["passed"]))
