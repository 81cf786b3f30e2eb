"""Is the person in these photos who they say they are? 1:1 against the ID's enrolment, else a search among all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

from codes_dict import Code, Kind, Outcome, Refusal
from pipeline.flows.audit import recorded
from pipeline.flows.services import Services, explained, in_batches
from pipeline.ledger import Ledger
from pipeline.ports import AuditEvent, CachedPhoto, Snapshot, StoredPhoto, Upload
from pipeline.stages.album import Album, open_upload, shown_file
from pipeline.stages.challenge import meet_challenge
from pipeline.stages.compare import Look, check_agreement, embed, first_look, second_look, shown
from pipeline.stages.identity import shown_name
from pipeline.stages.liveness import judge_faces, keep_live, spoof_photos
from pipeline.stages.motion import heed_cues
from pipeline.stages.replay import drop_used, marked, refuse_accepted
from pipeline.stages.search import check_nearest, search_everybody
from pipeline.stages.sightings import Probes, Sighting, without_pixels
from pipeline.types import EnrolledFaces, Floats, Person

MOST_IMAGES = 20
"""Photos of one request that are looked at, in the order of arrival: bounds the work that one request can cause."""

NOT_JUDGED = "Liveness was skipped: nothing shows that the photos are of a live person."


@dataclass(frozen=True)
class VerifyRequest:
    """The form of /verify. `from_owner` says that whoever runs the server sent it, as far as the server knows.

    `hides_unknown`: the caller does not get to know whether the ID is enrolled.
    """

    upload_id: str
    skip_verify: bool
    skip_db_search: bool
    skip_liveness: bool
    from_owner: bool = False
    hides_unknown: bool = False


def verify(ask: VerifyRequest, services: Services) -> Outcome:
    """Verify an upload's photos against its ID. VERIFIED and FOUND accept; every other code does not.

    Each upload is accepted once: afterwards it is USED_BEFORE, with the first code and results under `earlier`.
    """
    check_skips(ask, services)
    ledger = Ledger()
    upload = open_upload(ask.upload_id, services.uploads, services.policy.id_regex, ledger)
    once, acceptances = services.policy.replay_policy == "refuse", services.acceptances

    def judge() -> Outcome:
        if once:
            refuse_accepted(acceptances.of(upload.upload_id))
        return _judge(ask, upload, services, ledger)

    def keep(accepted: Outcome, event: AuditEvent) -> None:
        kept = {key: value for key, value in accepted.results.items() if key != "stages"}
        refuse_accepted(acceptances.accept(upload.upload_id, Outcome(accepted.code, kept), event))

    return recorded("verify", upload.id, services, judge, keep if once else None)


def _judge(ask: VerifyRequest, upload: Upload, services: Services, ledger: Ledger) -> Outcome:
    policy, scorer = services.policy, services.scorer
    results: dict[str, Any] = {
        "accepted": False,
        "name": None,
        "distance": None,
        "fmr_at_score": None,
        "calibrated": scorer.calibrated,
        "left_out": {shown_file(image): int(Code.TOO_LARGE) for image in upload.images[MOST_IMAGES:]},
        **({"warnings": [NOT_JUDGED]} if ask.skip_liveness else {}),
    }
    with explained(results, ledger):
        album = Album(services.detector, services.embedders, services.opener, policy.score_tol, ledger)
        faces = everyone = _look_at(_photos(upload, ledger), ask.skip_liveness, album, services)
        if not ask.skip_liveness:
            results["spoof_photos"] = len(spoof_photos(everyone))
            faces = keep_live(heed_cues(everyone, album.distinct.copies, ledger), ledger)
        snapshot = cache(services.gallery.snapshot)  # one for both comparisons
        record = None if ask.skip_verify else _record(upload.id, services, snapshot, ledger, ask.hides_unknown)
        faces = _unused(faces, upload, services, ledger)
        images = album.distinct.count
        probes = Probes(embed(faces, services.embedders, images, ledger), images)
        likeness = scorer, policy.sim_func
        if upload.challenge or policy.require_challenge:
            probes = meet_challenge(upload.challenge, everyone, probes, album.source_crop, likeness, ledger)
        if record:
            person, enrolled = record
            look = _compare(probes, enrolled or _nobody(probes), album, services)
            if person and look.verified:
                refusal = Code.NOT_VERIFIED if ask.skip_db_search else Code.FOUND_OTHER
                check_nearest(upload.id, probes, snapshot(), likeness, services.people.same_as, refusal, ledger)
                return _accepted(Code.VERIFIED, results, person, look.score, look.fmr)
        if ask.skip_db_search:
            raise Refusal(Code.NOT_VERIFIED)
        linked = services.people.same_as
        with _same_ending(ledger) if record and not record[0] else nullcontext():
            score, fmr = search_everybody(upload.id, probes, policy.ver_tol, snapshot(), likeness, linked, ledger)
        return _accepted(Code.FOUND, results, services.people.find(upload.id), score, fmr)


def _accepted(code: Code, results: dict[str, Any], person: Person | None, score: float, fmr: float | None) -> Outcome:
    name = shown_name(person) if person else None
    results.update(accepted=True, name=name, distance=shown(score), fmr_at_score=fmr)
    return Outcome(code, results)


def check_skips(ask: VerifyRequest, services: Services) -> None:
    """Refuse with BOTH_SKIPS or SKIP_NOT_ALLOWED what may not be skipped."""
    if ask.skip_verify and ask.skip_db_search:
        raise Refusal(Code.BOTH_SKIPS, field="skip_db_search")
    allowed = services.policy.allow_skip_liveness
    if ask.skip_liveness and allowed != "true" and not (allowed == "auto" and ask.from_owner):
        raise Refusal(Code.SKIP_NOT_ALLOWED, field="skip_liveness")


def _photos(upload: Upload, ledger: Ledger) -> Sequence[StoredPhoto]:
    with ledger.stage("images", len(upload.images)) as row:
        photos = upload.load()[:MOST_IMAGES]
        row.went_out = len(photos)
    return photos


def _look_at(photos: Sequence[StoredPhoto], skip_liveness: bool, album: Album, services: Services) -> list[Sighting]:
    """Return every face, marked, and judged unless liveness is skipped; refuses with NO_FACE if there is none."""
    is_marked = services.policy.replay_policy != "off"

    def needs_pixels(photo: CachedPhoto) -> bool:
        known = map(album.known_embeddings, photo.faces)
        return any(is_marked or not skip_liveness or len(its) < len(services.embedders) for its in known)

    def faces_of(batch: Sequence[StoredPhoto]) -> list[Sighting]:
        faces = [face for its_faces in album.look(batch, needs_pixels).values() for face in its_faces]
        faces = faces if skip_liveness else judge_faces(faces, services.judge, album.ledger)
        return without_pixels(marked(faces) if is_marked else faces)

    everyone = [face for its_faces in in_batches(faces_of, photos) for face in its_faces]
    return everyone or album.ledger.refuse("detect", Code.NO_FACE)


def _unused(faces: list[Sighting], upload: Upload, services: Services, ledger: Ledger) -> list[Sighting]:
    """Return the faces of photos that were not used before; from now on their photos are used: they are compared.

    Skipping liveness does not skip this.
    """
    policy = services.policy.replay_policy
    if policy == "off":
        return faces
    return drop_used(faces, upload.upload_id, services.replays, ledger, only_note=policy == "warn")


def _record(
    person_id: str, services: Services, snapshot: Callable[[], Snapshot], ledger: Ledger, hides_unknown: bool
) -> tuple[Person | None, EnrolledFaces | None]:
    """Return the ID's row and all its enrolled embeddings; None for both where there is no row and that is hidden."""
    with ledger.stage("record", 1) as row:
        row.went_out = 1
        person, enrolled = services.people.find(person_id), snapshot().person(person_id)
        if person is None:
            if hides_unknown:
                return None, None
            raise Refusal(Code.NO_ROW)
        if enrolled is None or not services.people.folder_exists(person):
            raise Refusal(Code.NO_FOLDER, f"row {person.key}")
    return person, enrolled


@contextmanager
def _same_ending(ledger: Ledger) -> Iterator[None]:
    """Let a search for an ID without a row end as NOT_VERIFIED, whatever it finds, unless it could not be made."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code.kind is Kind.SERVER:
            raise
    ledger.refuse("search", Code.NOT_VERIFIED)


def _nobody(probes: Probes) -> EnrolledFaces:
    """Return the substitute for an unknown ID's embeddings, (n, d) per model: the opposite of the photos' own."""
    return EnrolledFaces({model: -embeddings for model, embeddings in probes.embeddings.items()})


def _compare(probes: Probes, enrolled: EnrolledFaces, album: Album, services: Services) -> Look:
    """Take the first look and, where it does not verify, the second one."""
    policy, scorer, embedders = services.policy, services.scorer, services.embedders
    with album.ledger.stage("compare", len(probes.faces)) as row:
        look = first_look(probes, enrolled, scorer, policy.sim_func, policy.ver_tol)
        row.went_out, row.items = look.counted, list(look.items)
        check_agreement(look.scores, scorer)
    if look.verified or not policy.num_aug:
        return look

    def embed_augmented(faces: Sequence[Sighting]) -> Mapping[str, Floats]:
        copies = [copy for face in faces for copy in services.augment(album.source_crop(face), policy.num_aug)]
        return {name: embedder.embed(copies) for name, embedder in embedders.items()}

    tolerance = policy.ver_tol, policy.ver_tol_aug
    with album.ledger.stage("second look", len(probes.faces)) as row:
        look = second_look(probes, enrolled, scorer, policy.sim_func, tolerance, embed_augmented)
        row.went_out, row.items = look.counted, list(look.items)
    return look
