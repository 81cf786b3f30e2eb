"""Is the person in these photos who they say they are? 1:1 against the ID's enrolment, else a search among all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.challenge import meet_challenge
from pipeline.flows.cues import heed_cues
from pipeline.flows.probes import judge, open_upload, without_photo
from pipeline.flows.replay import marks_of, not_used_before
from pipeline.flows.services import Services, explained, in_batches
from pipeline.flows.sightings import StoredFile, crop_of, embed_unknown, known_embeddings, known_photos, look_at
from pipeline.ledger import Ledger
from pipeline.ports import CachedPhoto, PhotoMark, Upload
from pipeline.stages.compare import Look, Probes, embed, first_look, second_look, shown
from pipeline.stages.distinct import first_of_its_kind
from pipeline.stages.identity import shown_name
from pipeline.stages.liveness import keep_live
from pipeline.stages.search import Found, SearchResult, best_scores, search
from pipeline.types import Face, Floats, LivenessVerdict, Person

MOST_IMAGES = 20
"""Photos of one request that are looked at, in the order of arrival: bounds the work that one request can cause."""


@dataclass(frozen=True)
class VerifyRequest:
    """The form of /verify."""

    upload_id: str
    skip_verify: bool
    skip_db_search: bool
    skip_liveness: bool


@dataclass(eq=False)
class _Seen:
    """What was seen in the photos, batch by batch."""

    files: Sequence[StoredFile]
    faces: list[Face] = field(default_factory=list)
    photo_of: list[int] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)
    known: list[Mapping[str, Floats]] = field(default_factory=list)
    verdicts: list[LivenessVerdict] = field(default_factory=list)
    marks: dict[str, PhotoMark] = field(default_factory=dict)

    def group_of(self) -> dict[str, int]:
        """Return for each photo with a face the index of the first photo that it equals or nearly equals."""
        firsts = first_of_its_kind(self.hashes)
        return {face.photo.name: firsts[photo] for face, photo in zip(self.faces, self.photo_of, strict=True)}


def verify(ask: VerifyRequest, services: Services) -> Outcome:
    """Verify an upload's photos against its ID. VERIFIED and FOUND accept; every other code does not."""
    _check_skips(ask, services)
    ledger = Ledger()
    upload = open_upload(ask.upload_id, services, ledger)
    results: dict[str, Any] = {
        "name": None,
        "distance": None,
        "fmr_at_score": None,
        "calibrated": services.scorer.calibrated,
    }
    with explained(results, ledger):
        seen = _look_at(upload, ask.skip_liveness, services, ledger)
        with ledger.stage("detect", 0):
            if not seen.faces:
                raise Refusal(Code.NO_FACE)
        faces = seen.faces if ask.skip_liveness else _live(upload, seen, services, ledger)
        probes = _probes(seen, faces, services, ledger)
        whole = partial(crop_of, files=seen.files, services=services)
        probes = meet_challenge(upload, seen.faces, seen.group_of(), probes, whole, services, ledger)
        if not ask.skip_verify:
            person, enrolled = _person(upload.id, services, ledger)
            look = _compare(probes, enrolled, seen.files, services, ledger)
            if look.verified:
                results.update(name=shown_name(person.name), distance=shown(look.score), fmr_at_score=look.fmr)
                return Outcome(Code.VERIFIED, results)
        if ask.skip_db_search:
            raise Refusal(Code.NOT_VERIFIED)
        hit = _search(upload.id, probes, services, ledger)
        known = services.people.find(upload.id)
        name = shown_name(known.name) if known else None
        fmr = services.scorer.fmr_at_found(hit.claimed_score, probes.chances)
        results.update(name=name, distance=shown(hit.claimed_score), fmr_at_score=fmr)
        return Outcome(Code.FOUND, results)


def _check_skips(ask: VerifyRequest, services: Services) -> None:
    if ask.skip_verify and ask.skip_db_search:
        raise Refusal(Code.BOTH_SKIPS, field="skip_db_search")
    if ask.skip_liveness and not services.policy.allow_skip_liveness:
        raise Refusal(Code.SKIP_NOT_ALLOWED, field="skip_liveness")


def _probes(seen: _Seen, faces: list[Face], services: Services, ledger: Ledger) -> Probes:
    """Embed the faces that are left: all that is known before anybody is compared with them."""
    images, group_of = len(set(first_of_its_kind(seen.hashes))), seen.group_of()
    with ledger.stage("embed", len(faces)) as row:
        known = dict(zip(seen.faces, seen.known, strict=True))
        embeddings = embed_unknown(faces, [known[face] for face in faces], services.embedders)
        row.went_out = len(faces)
        row.note(models=list(embeddings), distinct_images=images)
    return Probes(faces, [group_of[face.photo.name] for face in faces], images, embeddings)


def _look_at(upload: Upload, skip_liveness: bool, services: Services, ledger: Ledger) -> _Seen:
    """Read the photos, find the faces that the upload has not found already, and judge them."""
    with ledger.stage("images", len(upload.images)) as row:
        files = upload.load()[:MOST_IMAGES]
        row.went_out = len(files)
    seen = _Seen(files)
    recalled = known_photos(upload, files)

    def needs_pixels(photo: CachedPhoto) -> bool:
        known = (known_embeddings(face, services.embedders) for face in photo.faces)
        return any(not skip_liveness or len(its) < len(services.embedders) for its in known)

    for batch in in_batches(files):
        sightings = look_at(batch, recalled, needs_pixels, services, ledger)
        for one in sightings:
            seen.photo_of += [len(seen.hashes)] * len(one.faces)
            seen.hashes.append(one.hash)
            seen.known += one.known
        flat = [face for one in sightings for face in one.faces]
        if not skip_liveness:
            seen.verdicts += judge(flat, services, ledger)
            seen.marks.update(marks_of([one.photo for one in sightings if one.faces], services))
        seen.faces += [without_photo(face) for face in flat]
    return seen


def _live(upload: Upload, seen: _Seen, services: Services, ledger: Ledger) -> list[Face]:
    """Return the live faces of photos that were not used before."""
    near_identical = len(seen.hashes) - len(set(first_of_its_kind(seen.hashes)))
    verdicts = heed_cues(seen.faces, seen.verdicts, near_identical, ledger)
    with ledger.stage("liveness", 0) as row:
        live = keep_live(seen.faces, verdicts)
        row.went_out = len(live)
    return not_used_before(upload, live, seen.marks, services, ledger)


def _person(person_id: str, services: Services, ledger: Ledger) -> tuple[Person, Mapping[str, Floats]]:
    """Return the ID's row and all its enrolled embeddings."""
    with ledger.stage("record", 1) as row:
        person = services.people.find(person_id)
        if person is None:
            raise Refusal(Code.NO_ROW)
        enrolled = services.gallery.snapshot().person(person_id) if services.people.folder_exists(person) else None
        if enrolled is None:
            raise Refusal(Code.NO_FOLDER, f"row {person.key}")
        row.went_out = 1
    return person, enrolled


def _compare(
    probes: Probes,
    enrolled: Mapping[str, Floats],
    files: Sequence[StoredFile],
    services: Services,
    ledger: Ledger,
) -> Look:
    """Take the first look and, where it does not verify, the second one."""
    policy, scorer = services.policy, services.scorer
    with ledger.stage("compare", len(probes.faces)) as row:
        look = first_look(probes, enrolled, scorer, policy.sim_func, policy.ver_tol)
        row.went_out, row.items = look.counted, list(look.items)
    if look.verified or not policy.num_aug:
        return look

    def embed_augmented(faces: Sequence[Face]) -> Mapping[str, Floats]:
        whole = (crop_of(face, files, services) for face in faces)
        return embed([copy for crop in whole for copy in services.augment(crop, policy.num_aug)], services.embedders)

    tolerance = policy.ver_tol, policy.ver_tol_aug
    with ledger.stage("second look", len(probes.faces)) as row:
        look = second_look(probes, enrolled, scorer, policy.sim_func, tolerance, embed_augmented)
        row.went_out, row.items = look.counted, list(look.items)
    return look


def _search(person_id: str, probes: Probes, services: Services, ledger: Ledger) -> SearchResult:
    """Search everybody enrolled; refuses with FOUND_OTHER or NOT_VERIFIED."""
    snapshot, scorer = services.gallery.snapshot(), services.scorer
    with ledger.stage("search", snapshot.people) as row:
        near = snapshot.candidates(probes.embeddings, person_id)
        scores = best_scores(probes.embeddings, near, scorer, services.policy.sim_func)
        result = search(person_id, near.ids, scores, probes.chances, scorer, snapshot.people)
        row.note(best=shown(result.best_score), threshold=shown(result.search_threshold), people=result.people)
        row.went_out = int(result.found is not Found.NOBODY)
        if result.found is Found.OTHER:
            raise Refusal(Code.FOUND_OTHER)
        if result.found is Found.NOBODY:
            raise Refusal(Code.NOT_VERIFIED)
    return result
