"""Score the photos of an upload and keep the good ones; give the challenge that an upload may answer."""

import random
from collections.abc import Sequence
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.photos import Look, look_at, shown_check
from pipeline.flows.services import Services, explained
from pipeline.ledger import Ledger
from pipeline.stages.challenge import LIFETIME_S, draw_actions, redeem
from pipeline.stages.identity import check_id, match_id
from pipeline.stages.sent_files import ScoredFile, SentFile, named_apart

_HOW = (
    "Take frames while you look straight ahead with a calm face, then do each action, "
    "looking straight ahead with a calm face before every one."
)


def challenge(person_id: str, services: Services) -> Outcome:
    """Give an ID a challenge. Refuses with ID_NOT_MATCHED and DB_DOWN."""
    check_id(person_id, services.policy.id_regex)
    actions = draw_actions(random.SystemRandom(), services.policy.challenge_actions)
    nonce = services.challenges.issue(person_id, actions)
    results = {
        "id": person_id,
        "challenge": nonce,
        "actions": list(actions),
        "expires_in_s": LIFETIME_S,
        "instructions": _HOW,
    }
    return Outcome(Code.DONE, results)


def upload(person_id: str, files: Sequence[SentFile], services: Services, challenge: str | None = None) -> Outcome:
    """Score every file and keep those at or above SCORE_TOL.

    The answer to a challenge, whose nonce is `challenge`, keeps every frame that shows a face: turned heads score low.
    Refuses with ID_NOT_MATCHED, a challenge's codes, BAD_BASE64 where no file's base64 decodes, and ALL_REJECTED where
    none is at or above SCORE_TOL.
    """
    policy, ledger = services.policy, Ledger()
    match_id(person_id, policy.id_regex, ledger)
    scored: list[ScoredFile] = []
    results = _as_results(scored)
    with explained(results, ledger):
        is_readable = any(file.data is not None for file in files)  # else the challenge can still be answered
        asked = redeem(person_id, challenge, services.challenges, ledger) if is_readable else ()
        looks = look_at(
            named_apart(files),
            services,
            ledger,
            keep_any_face=bool(asked),
            needs_space=policy.tight_faces == "uncertain",
            recent=services.recent,
        )
        for its_files in map(_files, looks):
            scored += its_files
        results.update(_as_results(scored))
        if not is_readable:
            ledger.refuse("decode", Code.BAD_BASE64)
        results.update(_store(person_id, scored, asked, services, ledger))
    return Outcome(Code.UPLOADED, results)


def _files(looks: Sequence[Look]) -> list[ScoredFile]:
    """Return what is kept of a few looks: their photos' pixels are not."""
    return [look.file for look in looks]


def _as_results(scored: Sequence[ScoredFile]) -> dict[str, Any]:
    return {
        "upload_id": None,
        "folder_name": None,
        "scores": {file.name: round(file.score, 3) for file in scored if file.score is not None},
        "saved": [file.name for file in scored if file.kept],
        "rejected": [file.name for file in scored if file.score is not None and not file.kept],
        "errors": [file.name for file in scored if file.score is None],
        "saved_as": {},
        "reasons": {file.name: [shown_check(check) for check in file.checks] for file in scored},
    }


def _store(
    person_id: str, scored: Sequence[ScoredFile], asked: Sequence[str], services: Services, ledger: Ledger
) -> dict[str, Any]:
    """Keep the good photos as an upload; return what the results say of it."""
    images = {file.name: file.kept for file in scored if file.kept}
    with ledger.stage("store", len(images)) as row:
        if not any(image.score >= services.policy.score_tol for image in images.values()):
            raise Refusal(Code.ALL_REJECTED)
        stored = services.uploads.create(person_id, list(images.values()), asked)
        row.went_out = len(stored.images)
    names = (f"{stored.upload_id}/{image.saved_as}" for image in stored.images)
    return {
        "upload_id": stored.upload_id,
        "folder_name": stored.upload_id,
        "saved_as": dict(zip(images, names, strict=True)),
    }
