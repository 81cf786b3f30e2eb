"""DeepFace's `register`: one photo enrols a person, who is known by a name or by an ID."""

from dataclasses import replace

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.deepface import Options
from pipeline.flows.enrol import EnrolRequest
from pipeline.flows.one_call import enrol_photos
from pipeline.flows.policy import changed
from pipeline.flows.services import Services
from pipeline.flows.subject_rules import for_subjects
from pipeline.flows.subjects import enrol_subject, explained
from pipeline.stages.identity import check_id, check_name, shown_name
from pipeline.stages.sent_files import SentFile


def register(img: SentFile, img_name: str, options: Options, services: Services) -> Outcome:
    """Enrol the photo under `img_name`: the person with this ID, if it can be one, else the subject of this name.

    The code is that of the enrolment. With `options.live` the face has to be live; without, ENROL_LIVENESS decides.
    Refuses with BAD_NAME, and as `explained` says.
    """
    name = check_name(img_name, "img_name")
    liveness = "refuse" if options.live else services.policy.enrol_liveness
    try:
        if _is_id(name, services.policy.id_regex):
            person_id, outcome = name, _enrol(name, img, liveness, services)
        else:
            person_id, outcome = enrol_subject(name, img, services, for_subjects(services, liveness=liveness))
    except Refusal as refusal:
        refusal.field = "img" if refusal.field == "file" else refusal.field
        raise
    found = outcome.results
    return Outcome(
        outcome.code,
        {
            "inserted": len(found["resulting_imgs"]["main"]),
            "id": person_id,
            "img_name": name,
            "code": int(outcome.code),
            "message": outcome.code.message,
            "possible_duplicates": found["possible_duplicates"],
            "warnings": found.get("warnings", []),
            "stages": found["stages"],
        },
    )


def _enrol(person_id: str, img: SentFile, liveness: str, services: Services) -> Outcome:
    """Enrol a photo of the person with this ID, who keeps the name."""
    known = services.people.find(person_id)
    name = shown_name(known) if known else services.announced.find(person_id) or person_id
    rules = replace(services, policy=changed(services.policy, enrol_liveness=liveness))
    try:
        return enrol_photos(person_id, [img], EnrolRequest("", name), rules)
    except Refusal as refusal:
        raise explained(refusal) from refusal


def _is_id(name: str, pattern: str) -> bool:
    try:
        return check_id(name, pattern) is Code.ID_MATCHED
    except Refusal:
        return False
