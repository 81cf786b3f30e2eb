"""A person into the image folder, the table and the gallery: all together or not at all."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.services import Services, explained, in_batches
from pipeline.ledger import Ledger
from pipeline.ports import Enrolled, EnrolmentRequest, NewFace, StoredImage, StoredPhoto, Upload
from pipeline.stages.album import Album, open_upload
from pipeline.stages.align import portrait
from pipeline.stages.compare import embed
from pipeline.stages.detect import single_faces
from pipeline.stages.guards import check_one_person, check_same_person, possible_duplicates
from pipeline.stages.identity import check_name
from pipeline.stages.liveness import judge_faces, keep_live
from pipeline.stages.replay import marked
from pipeline.stages.sightings import Sighting, stacked, without_pixels
from pipeline.types import Floats, Liveness, Person

_log = logging.getLogger(__name__)

_ENDINGS = {
    (False, False): Code.ENROLLED,
    (False, True): Code.ENROLLED_NEEDLESS_IN_PLACE,
    (True, False): Code.ENROLLED_ADDED,
    (True, True): Code.ENROLLED_REPLACED,
}
"""(the ID was in the table, in_place) to the code."""


@dataclass(frozen=True)
class EnrolRequest:
    """The form of /upload_db."""

    upload_id: str
    name: str
    delete_pickles: bool
    rebuild_db: bool
    in_place: bool


def enrol(ask: EnrolRequest, services: Services) -> Outcome:
    """Enrol an upload's photos under its ID; the code says whether the ID was there and what in_place did."""
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
        album = Album(services.detector, services.embedders, policy.max_pixels, policy.score_tol, ledger)
        faces = _faces(_photos(upload, services, ledger, results), album, services, results)
        if policy.enrol_liveness == "refuse":
            faces = _only_live(faces, ledger, results)
        faces = embed(faces, services.embedders, album.distinct.count, ledger)
        embeddings = stacked(faces)
        with ledger.stage("guards", len(faces)) as row:
            _check_strangers(upload.id, embeddings, services, results)
            row.went_out = len(faces)
        with ledger.stage("enrol", len(faces)) as row:
            marks = [face.mark for face in faces if face.mark]
            request = EnrolmentRequest(upload.id, name, ask.in_place, upload, _pictures(faces, services), marks)
            enrolled = services.enrolments.enrol(request, _guard(embeddings, services))
            row.went_out = len(enrolled.main)
        _report(enrolled, ask, services, ledger, results)
    return Outcome(_ENDINGS[enrolled.existed, ask.in_place], results)


def _photos(upload: Upload, services: Services, ledger: Ledger, results: dict[str, Any]) -> list[StoredPhoto]:
    """Read the upload's photos. A frame that only answers a challenge is not good enough to be enrolled."""

    def only_answers(image: StoredImage) -> bool:
        return bool(upload.challenge) and image.score < services.policy.score_tol

    with ledger.stage("images", len(upload.images)) as row:
        photos = [photo for photo in upload.load() if not only_answers(photo.image)]
        row.went_out = len(photos)
    results["left_out"] |= {one.saved_as: int(Code.ALL_REJECTED) for one in upload.images if only_answers(one)}
    return photos


def _faces(photos: Sequence[StoredPhoto], album: Album, services: Services, results: dict[str, Any]) -> list[Sighting]:
    """Return the faces that are alone in their photo, judged and marked; the other photos are listed as left out."""
    kept: list[Sighting] = []
    for batch in in_batches(photos):
        faces, left_out = single_faces(album.look(batch, lambda photo: len(photo.faces) == 1), album.ledger)
        results["left_out"] |= {name: int(code) for name, code in left_out.items()}
        faces = _judged(faces, services, album.ledger)
        faces = faces if services.policy.replay_policy == "off" else marked(faces)
        kept += without_pixels(faces)
    return kept or album.ledger.refuse("subject", Code.NO_SINGLE_FACE)


def _judged(faces: list[Sighting], services: Services, ledger: Ledger) -> list[Sighting]:
    """Judge the faces unless ENROL_LIVENESS is off; with `warn`, record that the model is missing and go on."""
    if services.policy.enrol_liveness == "off":
        return faces
    try:
        return judge_faces(faces, services.judge, ledger)
    except Refusal as refusal:
        if services.policy.enrol_liveness == "refuse":
            raise
        with ledger.stage("liveness", 0) as row:
            row.note(warning=refusal.code.message)
        return faces


def _only_live(faces: Sequence[Sighting], ledger: Ledger, results: dict[str, Any]) -> list[Sighting]:
    codes = {Liveness.SPOOF: Code.ALL_SPOOF, Liveness.UNCERTAIN: Code.NONE_LIVE}
    for face in faces:
        if face.verdict and face.verdict.state in codes:
            results["left_out"][face.photo.name] = int(codes[face.verdict.state])
    return keep_live(faces, ledger)


def _check_strangers(
    person_id: str, embeddings: Mapping[str, Floats], services: Services, results: dict[str, Any]
) -> None:
    """Refuse faces that are not one person; list, or refuse, those that are enrolled under another ID."""
    policy, scorer = services.policy, services.scorer
    check_one_person(embeddings, scorer, policy.sim_func)
    if policy.duplicate_policy == "off":
        return
    others = possible_duplicates(person_id, embeddings, services.gallery.snapshot(), scorer, policy.sim_func)
    results["possible_duplicates"] = others
    if others and policy.duplicate_policy == "refuse":
        raise Refusal(Code.BELONGS_TO_OTHER)


def _guard(embeddings: Mapping[str, Floats], services: Services) -> Any:
    def guard(_: Person | None, enrolled: Mapping[str, Floats] | None) -> None:
        check_same_person(embeddings, enrolled, services.scorer, services.policy.sim_func)

    return guard


def _pictures(faces: Sequence[Sighting], services: Services) -> list[NewFace]:
    """Add to every face the pictures for people to look at; verdicts never use them."""
    size = services.policy.target_width, services.policy.target_height
    return [
        NewFace(
            crop=face.crop,
            aligned=portrait(face.crop, size),
            augmented=[portrait(copy, size) for copy in services.augment(face.crop, services.policy.num_aug)],
            source_name=face.photo.name,
            embeddings=face.embeddings,
        )
        for face in faces
    ]


def _report(enrolled: Enrolled, ask: EnrolRequest, services: Services, ledger: Ledger, results: dict[str, Any]) -> None:
    """Fill in what was done. The person is enrolled by now: pickles are derived data and cannot undo that."""
    results["mysql_id"] = enrolled.person.key
    results["resulting_imgs"] = {"main": list(enrolled.main), "aug": list(enrolled.aug)}
    with ledger.stage("pickles", 0) as row:
        deleted = services.gallery.delete_pickles() if ask.delete_pickles else {}
        rebuilt, message = _rebuilt(services) if ask.rebuild_db else ({}, "")
        row.went_out = len(deleted) + len(rebuilt)
    results["message_pickle"] = _message(deleted, "Pickle files were deleted.", "delete_pickles was false.")
    results["rebuilt_db"] = _message(rebuilt, message, "rebuild_db was false.")


def _rebuilt(services: Services) -> tuple[Mapping[str, Code], str]:
    """Rebuild; return each model's code and a message. What cannot be rebuilt now is rebuilt when it is needed."""
    try:
        return services.gallery.rebuild(), "Pickle files were rebuilt."
    except Refusal as refusal:
        _log.warning("nothing was rebuilt: %s", refusal)
        return dict.fromkeys(services.embedders, refusal.code), refusal.code.message


def _message(codes: Mapping[str, Code], done: str, not_asked: str) -> dict[str, Any]:
    numbers = {name: int(code) for name, code in codes.items()}
    return {"result": {"message": done if numbers else not_asked, **numbers}}
