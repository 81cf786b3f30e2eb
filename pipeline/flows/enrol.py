"""A person into the image folder, the table and the gallery: all together or not at all."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.probes import judge, open_upload, without_photo
from pipeline.flows.replay import marks_of
from pipeline.flows.services import Services, explained, in_batches
from pipeline.flows.sightings import embed_unknown, known_photos, look_at
from pipeline.ledger import Ledger
from pipeline.ports import Enrolled, EnrolmentRequest, NewFace, PhotoMark, StoredImage, Upload
from pipeline.stages.faces import LeftOut, single_faces
from pipeline.stages.guards import check_one_person, check_same_person, possible_duplicates
from pipeline.stages.identity import check_name
from pipeline.stages.liveness import keep_live
from pipeline.stages.portrait import portrait
from pipeline.types import Face, Floats, Liveness, LivenessVerdict, Person

_log = logging.getLogger(__name__)

_ENDINGS = {
    (False, False): Code.ENROLLED,
    (False, True): Code.ENROLLED_NEEDLESS_IN_PLACE,
    (True, False): Code.ENROLLED_ADDED,
    (True, True): Code.ENROLLED_REPLACED,
}
"""(the ID was in the table, in_place) to the code."""

_Known = Mapping[Face, Mapping[str, Floats]]
"""Faces in order, and of each the embeddings that are known, by model."""


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
    ledger = Ledger()
    upload = open_upload(ask.upload_id, services, ledger)
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
        marks: dict[str, PhotoMark] = {}
        known = _faces(upload, marks, services, ledger, results)
        faces = list(known)
        with ledger.stage("embed", len(faces)) as row:
            embeddings = embed_unknown(faces, list(known.values()), services.embedders)
            row.went_out = len(faces)
        with ledger.stage("guards", len(faces)) as row:
            _check_strangers(upload.id, embeddings, services, results)
            row.went_out = len(faces)
        with ledger.stage("enrol", len(faces)) as row:
            new = _pictures(faces, embeddings, services)
            used = [marks[face.photo.name] for face in faces if face.photo.name in marks]
            request = EnrolmentRequest(upload.id, name, ask.in_place, upload, new, used)
            enrolled = services.enrolments.enrol(request, _guard(embeddings, services))
            row.went_out = len(enrolled.main)
        _report(enrolled, ask, services, ledger, results)
    return Outcome(_ENDINGS[enrolled.existed, ask.in_place], results)


def _faces(
    upload: Upload, marks: dict[str, PhotoMark], services: Services, ledger: Ledger, results: dict[str, Any]
) -> _Known:
    """Return the face of every photo that shows exactly one, with what is known; the others are listed as left out.

    The photos' marks are added to `marks`.
    """
    with ledger.stage("images", len(upload.images)) as row:
        files = [file for file in upload.load() if not _only_answers(upload, file[0], services)]
        results["left_out"].update(
            {one.saved_as: int(Code.ALL_REJECTED) for one in upload.images if _only_answers(upload, one, services)}
        )
        row.went_out = len(files)
    recalled = known_photos(upload, files)
    kept: dict[Face, Mapping[str, Floats]] = {}
    verdicts: list[LivenessVerdict] = []
    for batch in in_batches(files):
        sightings = look_at(batch, recalled, lambda photo: len(photo.faces) == 1, services, ledger)
        singles, left_out = single_faces([one.photo for one in sightings], [one.faces for one in sightings])
        _list(left_out, results)
        verdicts += _liveness(singles, services, ledger)
        marks.update(marks_of([face.photo for face in singles], services))
        known = [one.known[0] for one in sightings if len(one.faces) == 1]
        kept.update(zip(map(without_photo, singles), known, strict=True))
    with ledger.stage("detect", 0) as row:
        if not kept:
            raise Refusal(Code.NO_SINGLE_FACE)
        row.went_out = len(kept)
    return _only_live(kept, verdicts, ledger, results) if services.policy.enrol_liveness == "refuse" else kept


def _only_answers(upload: Upload, image: StoredImage, services: Services) -> bool:
    """Whether a frame was kept for its challenge alone: by itself it is not good enough to be enrolled."""
    return bool(upload.challenge) and image.score < services.policy.score_tol


def _liveness(faces: Sequence[Face], services: Services, ledger: Ledger) -> list[LivenessVerdict]:
    """Judge the faces unless ENROL_LIVENESS is off; with `warn` a missing model is a note in the ledger, no more."""
    if services.policy.enrol_liveness == "off":
        return []
    if services.policy.enrol_liveness == "refuse":
        return judge(faces, services, ledger)
    try:
        return judge(faces, services, ledger)
    except Refusal as refusal:
        with ledger.stage("liveness", 0) as row:
            row.note(warning=refusal.code.message)
        return []


def _only_live(faces: _Known, verdicts: Sequence[LivenessVerdict], ledger: Ledger, results: dict[str, Any]) -> _Known:
    with ledger.stage("liveness", 0) as row:
        codes = {Liveness.SPOOF: Code.ALL_SPOOF, Liveness.UNCERTAIN: Code.NONE_LIVE}
        for face, verdict in zip(faces, verdicts, strict=True):
            if verdict.state in codes:
                _list([LeftOut(face.photo, codes[verdict.state])], results)
        live = keep_live(list(faces), verdicts)
        row.went_out = len(live)
    return {face: faces[face] for face in live}


def _list(left_out: Sequence[LeftOut], results: dict[str, Any]) -> None:
    results["left_out"].update({one.photo.name: int(one.code) for one in left_out})


def _check_strangers(
    person_id: str, embeddings: Mapping[str, Floats], services: Services, results: dict[str, Any]
) -> None:
    """Refuse faces that are not one person; list, or refuse, those that are enrolled under another ID."""
    policy, scorer = services.policy, services.scorer
    check_one_person(embeddings, scorer, policy.sim_func)
    if policy.duplicate_policy == "off":
        return
    snapshot = services.gallery.snapshot()
    others = possible_duplicates(person_id, embeddings, snapshot, scorer, policy.sim_func)
    results["possible_duplicates"] = others
    if others and policy.duplicate_policy == "refuse":
        raise Refusal(Code.BELONGS_TO_OTHER)


def _guard(embeddings: Mapping[str, Floats], services: Services) -> Any:
    def guard(_: Person | None, enrolled: Mapping[str, Floats] | None) -> None:
        check_same_person(embeddings, enrolled, services.scorer, services.policy.sim_func)

    return guard


def _pictures(faces: Sequence[Face], embeddings: Mapping[str, Floats], services: Services) -> list[NewFace]:
    """Add to every face the pictures for people to look at; verdicts never use them."""
    size = services.policy.target_width, services.policy.target_height
    return [
        NewFace(
            crop=face.crop,
            aligned=portrait(face.crop, size),
            augmented=[portrait(copy, size) for copy in services.augment(face.crop, services.policy.num_aug)],
            source_name=face.photo.name,
            embeddings={name: vectors[index] for name, vectors in embeddings.items()},
        )
        for index, face in enumerate(faces)
    ]


def _report(enrolled: Enrolled, ask: EnrolRequest, services: Services, ledger: Ledger, results: dict[str, Any]) -> None:
    """Fill in what was done. The person is enrolled by now: pickles are derived data and cannot undo that."""
    results["mysql_id"] = enrolled.person.key
    results["resulting_imgs"] = {"main": list(enrolled.main), "aug": list(enrolled.aug)}
    with ledger.stage("pickles", 0) as row:
        deleted = services.gallery.delete_pickles() if ask.delete_pickles else {}
        rebuilt, told = _rebuilt(services) if ask.rebuild_db else ({}, "")
        row.went_out = len(deleted) + len(rebuilt)
    results["message_pickle"] = _message(deleted, "Pickle files were deleted.", "delete_pickles was false.")
    results["rebuilt_db"] = _message(rebuilt, told, "rebuild_db was false.")


def _rebuilt(services: Services) -> tuple[Mapping[str, Code], str]:
    """Rebuild; return each model's code and a message. What could not be rebuilt now is made when it is missed."""
    try:
        return services.gallery.rebuild(), "Pickle files were rebuilt."
    except Refusal as refusal:
        _log.warning("nothing was rebuilt: %s", refusal)
        return dict.fromkeys(services.embedders, refusal.code), refusal.code.message


def _message(codes: Mapping[str, Code], done: str, not_asked: str) -> dict[str, Any]:
    numbers = {name: int(code) for name, code in codes.items()}
    return {"result": {"message": done if numbers else not_asked, **numbers}}
