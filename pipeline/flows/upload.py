"""Score the photos of an upload and keep the good ones under an upload id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.services import Services, explained, in_batches
from pipeline.ledger import Ledger
from pipeline.stages.challenge import redeem
from pipeline.stages.decode import Budget
from pipeline.stages.detect import detect
from pipeline.stages.identity import match_id
from pipeline.stages.opening import Opener
from pipeline.stages.sent_files import ScoredFile, SentFile, decode_files, named_apart, score_photos
from pipeline.types import Check

_MEGABYTE = 1024 * 1024


def upload(person_id: str, files: Sequence[SentFile], services: Services, challenge: str | None = None) -> Outcome:
    """Score every file and keep those at or above SCORE_TOL.

    The answer to a challenge, whose nonce is `challenge`, keeps every frame that shows a face: turned heads score low.
    Refuses with ID_NOT_MATCHED, a challenge's codes, BAD_BASE64 where no file's base64 decodes, and ALL_REJECTED where
    none is at or above SCORE_TOL.
    """
    policy, ledger = services.policy, Ledger()
    match_id(person_id, policy.id_regex, ledger)
    budget = Budget(sum(len(file.data or b"") for file in files))
    opener = Opener(services.decode, policy.max_image_mb * _MEGABYTE, policy.max_pixels, budget)
    scored: list[ScoredFile] = []
    results = _as_results(scored)
    with explained(results, ledger):
        asked = redeem(person_id, challenge, services.challenges, ledger)
        for batch in in_batches(named_apart(files)):
            decoded, broken = decode_files(batch, opener, ledger)
            photos, faces = detect(decoded, services.detector, opener.closer, ledger)
            scored += broken
            scored += score_photos(
                photos,
                faces,
                services.embedders,
                policy.score_tol,
                ledger,
                keep_any_face=bool(asked),
                needs_space=policy.tight_faces == "uncertain",
            )
        results.update(_as_results(scored))
        if all(file.data is None for file in files):
            ledger.refuse("decode", Code.BAD_BASE64)
        results.update(_store(person_id, scored, asked, services, ledger))
    return Outcome(Code.UPLOADED, results)


def _as_results(scored: Sequence[ScoredFile]) -> dict[str, Any]:
    return {
        "upload_id": None,
        "folder_name": None,
        "scores": {file.name: round(file.score, 3) for file in scored if file.score is not None},
        "saved": [file.name for file in scored if file.kept],
        "rejected": [file.name for file in scored if file.score is not None and not file.kept],
        "errors": [file.name for file in scored if file.score is None],
        "saved_as": {},
        "reasons": {file.name: [_as_reason(check) for check in file.checks] for file in scored},
    }


def _as_reason(check: Check) -> dict[str, Any]:
    """Return a check as a reply shows it: with a box only where it has one."""
    return {name: value for name, value in asdict(check).items() if name != "box" or value is not None}


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
