"""Enrol a person: image folder, table and gallery change together or not at all."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.audit import event_of, recorded
from pipeline.flows.services import Services, explained, in_batches
from pipeline.ledger import Ledger
from pipeline.ports import (
    AuditEvent,
    CachedPhoto,
    Enrolled,
    EnrolmentRequest,
    Guard,
    NewFace,
    StoredImage,
    StoredPhoto,
    Terms,
    Upload,
)
from pipeline.stages.album import Album, open_upload, shown_file
from pipeline.stages.align import portrait
from pipeline.stages.compare import embed
from pipeline.stages.guards import check_enough, check_one_person, check_same_person, possible_duplicates
from pipeline.stages.identity import check_name
from pipeline.stages.liveness import judge_faces, keep_live, spoof_photos
from pipeline.stages.replay import marked
from pipeline.stages.sightings import Sighting, stacked, without_pixels
from pipeline.stages.subject import is_alone, only_subjects
from pipeline.types import EnrolledFaces, Liveness, Person

_log = logging.getLogger(__name__)

_ENDINGS = {
    (False, False): Code.ENROLLED,
    (False, True): Code.ENROLLED_NEEDLESS_IN_PLACE,
    (True, False): Code.ENROLLED_ADDED,
    (True, True): Code.ENROLLED_REPLACED,
}
"""(the ID was in the table, in_place) to the code."""

_NOT_ASKED = {
    "message_pickle": {"result": {"message": "delete_pickles was false."}},
    "rebuilt_db": {"result": {"message": "rebuild_db was false."}},
}


@dataclass(frozen=True)
class EnrolRequest:
    """The form of /upload_db."""

    upload_id: str
    name: str
    delete_pickles: bool = False
    rebuild_db: bool = False
    in_place: bool = False
    terms: Terms | None = None


def enrol(ask: EnrolRequest, services: Services) -> Outcome:
    """Enrol an upload's photos under its ID; the code says whether the ID was there and what in_place did.

    Where an earlier call has enrolled the upload, UPLOAD_GONE carries how that call ended under `earlier`.
    """
    person_id = ask.upload_id.rpartition("-")[0]
    try:
        # Nothing more is kept: an enrolment is recorded in its own commit.
        return recorded("enrol", person_id, services, lambda: _enrol(ask, services), keep=lambda *_: None)
    except Refusal as refusal:
        earlier = services.enrolments.earlier(ask.upload_id) if refusal.code is Code.UPLOAD_GONE else None
        if earlier:
            first = {"code": int(earlier.code), "results": dict(earlier.results)}
            refusal.results = {**(refusal.results or {}), "earlier": first}
        raise


def _enrol(ask: EnrolRequest, services: Services) -> Outcome:
    policy, ledger = services.policy, Ledger()
    upload = open_upload(ask.upload_id, services.uploads, policy.id_regex, ledger)
    results: dict[str, Any] = {
        "mysql_id": None,
        "message_pickle": None,
        "rebuilt_db": None,
        "resulting_imgs": {"main": [], "aug": []},
        "left_out": {},
        "possible_duplicates": [],
    }
    with explained(results, ledger):
        name = check_name(ask.name)
        album = Album(services.detector, services.embedders, services.opener, policy.score_tol, ledger)
        faces = _faces(_photos(upload, services, ledger, results), album, services, results)
        faces = _by_liveness(faces, policy.enrol_liveness, ledger, results)
        faces = embed(faces, services.embedders, album.distinct.count, ledger)
        with ledger.stage("guards", len(faces)) as row:
            _check_strangers(upload.id, faces, services, results)
            row.went_out = len(faces)
        with ledger.stage("enrol", len(faces)) as row:
            marks = [face.mark for face in faces if face.mark]
            reply = partial(_outcome, in_place=ask.in_place, results={**results, **_NOT_ASKED})
            pictures, event = _pictures(faces, services), partial(_event, upload.id, ledger, services)
            request = EnrolmentRequest(upload.id, name, ask.in_place, upload, pictures, marks, reply, event, ask.terms)
            enrolled = services.enrolments.enrol(request, _guard(faces, ask.in_place, services))
            row.went_out = len(enrolled.main)
        results.update(_pickles(ask, services, ledger))
        if ask.delete_pickles or ask.rebuild_db:
            services.enrolments.keep_outcome(upload.upload_id, _outcome(enrolled, ask.in_place, results))
    return _outcome(enrolled, ask.in_place, results)


def _outcome(enrolled: Enrolled, in_place: bool, results: Mapping[str, Any]) -> Outcome:
    """Return the reply to an enrolment. It is stored in the enrolment's commit, without `stages`."""
    files = {"main": list(enrolled.main), "aug": list(enrolled.aug)}
    done = {**results, "mysql_id": enrolled.person.key, "resulting_imgs": files}
    return Outcome(_ENDINGS[enrolled.existed, in_place], done)


def _event(person_id: str, ledger: Ledger, services: Services, outcome: Outcome) -> AuditEvent:
    return event_of("enrol", person_id, outcome.code, {**outcome.results, "stages": ledger.as_list()}, services)


def _photos(upload: Upload, services: Services, ledger: Ledger, results: dict[str, Any]) -> list[StoredPhoto]:
    """Read the upload's photos. A frame that only answers a challenge is not good enough to be enrolled."""

    def only_answers(image: StoredImage) -> bool:
        return bool(upload.challenge) and image.score < services.policy.score_tol

    with ledger.stage("images", len(upload.images)) as row:
        photos = [photo for photo in upload.load() if not only_answers(photo.image)]
        row.went_out = len(photos)
    results["left_out"] |= {shown_file(one): int(Code.ALL_REJECTED) for one in upload.images if only_answers(one)}
    return photos


def _faces(photos: Sequence[StoredPhoto], album: Album, services: Services, results: dict[str, Any]) -> list[Sighting]:
    """Return each photo's subject, judged and marked; photos with no face, or with other people, are left out."""

    def is_used(photo: CachedPhoto) -> bool:
        return is_alone([face.detection for face in photo.faces])

    def subjects_of(batch: Sequence[StoredPhoto]) -> list[Sighting]:
        faces, left_out = only_subjects(album.look(batch, is_used), album.ledger)
        results["left_out"] |= {name: int(code) for name, code in left_out.items()}
        if services.policy.enrol_liveness != "off":
            faces = judge_faces(faces, services.judge, album.ledger)
        faces = faces if services.policy.replay_policy == "off" else marked(faces)
        return without_pixels(faces)

    kept = [face for its_faces in in_batches(subjects_of, photos) for face in its_faces]
    return kept or album.ledger.refuse("subject", Code.NO_SINGLE_FACE)


def _by_liveness(faces: list[Sighting], policy: str, ledger: Ledger, results: dict[str, Any]) -> list[Sighting]:
    """Leave out what is not live, or with `warn` say so and keep it.

    Refuses as `keep_live` does, where none is left or at least half of the photos are spoof.
    """
    codes = {Liveness.SPOOF: Code.ALL_SPOOF, Liveness.UNCERTAIN: Code.NONE_LIVE}
    verdicts = [(face.photo.name, face.verdict) for face in faces if face.verdict and face.verdict.state in codes]
    if policy == "warn":
        results["warnings"] = [f"{name} is enrolled though it is not live: {one.reason}" for name, one in verdicts]
    if policy != "refuse":
        return faces
    results["left_out"] |= {name: int(codes[one.state]) for name, one in verdicts}
    results["spoof_photos"] = len(spoof_photos(faces))
    return keep_live(faces, ledger)


def _check_strangers(person_id: str, faces: Sequence[Sighting], services: Services, results: dict[str, Any]) -> None:
    """Refuse faces that are not one person; list, or refuse, those that are enrolled under another ID."""
    policy, scorer, embeddings = services.policy, services.scorer, stacked(faces)
    check_one_person(faces, scorer, policy.sim_func)
    if policy.duplicate_policy == "off":
        return
    others = possible_duplicates(person_id, embeddings, services.gallery.snapshot(), scorer, policy.sim_func)
    results["possible_duplicates"] = others
    if others and policy.duplicate_policy == "refuse":
        raise Refusal(Code.BELONGS_TO_OTHER)


def _guard(faces: Sequence[Sighting], in_place: bool, services: Services) -> Guard:
    def guard(_: Person | None, enrolled: EnrolledFaces | None) -> None:
        if in_place or enrolled is None:
            check_enough(faces, services.policy.enrol_min_photos)
        check_same_person(faces, enrolled, services.scorer, services.policy.sim_func)

    return guard


def _pictures(faces: Sequence[Sighting], services: Services) -> list[NewFace]:
    """Add to every face the pictures for people to look at; verdicts never use them."""
    size = services.policy.target_width, services.policy.target_height
    return [
        NewFace(
            crop=face.crop,
            aligned=portrait(face.crop, size),
            augmented=[portrait(copy, size) for copy in services.augment(face.crop, services.policy.num_aug)],
            embeddings=face.embeddings,
        )
        for face in faces
    ]


def _pickles(ask: EnrolRequest, services: Services, ledger: Ledger) -> dict[str, Any]:
    """Delete and rebuild as asked. The person is enrolled by now: pickles are derived data and cannot undo that."""
    with ledger.stage("pickles", 0) as row:
        deleted = services.gallery.delete_pickles() if ask.delete_pickles else {}
        rebuilt, message = _rebuilt(services) if ask.rebuild_db else ({}, "")
        row.went_out = len(deleted) + len(rebuilt)
    messages = dict(_NOT_ASKED)
    if deleted:
        messages["message_pickle"] = _message("Pickle files were deleted.", deleted)
    if rebuilt:
        messages["rebuilt_db"] = _message(message, rebuilt)
    return messages


def _rebuilt(services: Services) -> tuple[Mapping[str, Code], str]:
    """Rebuild; return each model's code and a message. What cannot be rebuilt now is rebuilt when it is needed."""
    try:
        return services.gallery.rebuild(), "Pickle files were rebuilt."
    except Refusal as refusal:
        _log.warning("nothing was rebuilt: %s", refusal)
        return dict.fromkeys(services.embedders, refusal.code), refusal.code.message


def _message(text: str, codes: Mapping[str, Code]) -> dict[str, Any]:
    return {"result": {"message": text, **{name: int(code) for name, code in codes.items()}}}
