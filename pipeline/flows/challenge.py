"""Active liveness: a challenge is given, its answer taken with an upload, and judged when the upload is verified."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from codes_dict import Code, Outcome, Refusal
from pipeline.flows.cues import largest_of_each
from pipeline.flows.services import Services
from pipeline.ledger import Ledger
from pipeline.ports import Upload
from pipeline.stages.challenge import LIFETIME_S, Pose, draw_actions, expressions, fulfils, performed, poses
from pipeline.stages.compare import Probes, fused_scores
from pipeline.stages.identity import check_id
from pipeline.types import Crop, Face, Floats

_HOW = (
    "Take frames while you look straight ahead with a calm face, then do each action, "
    "looking straight ahead with a calm face before every one."
)
CropOf = Callable[[Face], Crop]


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


def redeem(person_id: str, nonce: str | None, services: Services, ledger: Ledger) -> tuple[str, ...]:
    """Use the challenge up that an upload answers; its actions, none where the upload answers none."""
    if nonce is None:
        return ()
    with ledger.stage("challenge", 1) as row:
        if not nonce:
            raise Refusal(Code.CHALLENGE_MISSING)
        actions = services.challenges.redeem(person_id, nonce)
        row.note(actions=list(actions))
        row.went_out = 1
    return actions


def meet_challenge(
    upload: Upload,
    faces: Sequence[Face],
    group_of: Mapping[str, int],
    probes: Probes,
    crop_of: CropOf,
    services: Services,
    ledger: Ledger,
) -> Probes:
    """Judge the upload's answer, and return those of its faces that may be compared.

    `faces` are all faces of the upload, `probes` the live ones, `group_of` names each photo's distinct image, `crop_of`
    returns a face's source crop. What is compared looks straight ahead in a frame that is good enough by itself, and is
    the person who did the actions.
    Refuses with CHALLENGE_MISSING where one is required, and CHALLENGE_FAILED.
    """
    if not upload.challenge and not services.policy.require_challenge:
        return probes
    with ledger.stage("challenge", len(probes.faces)) as row:
        if not upload.challenge:
            raise Refusal(Code.CHALLENGE_MISSING)
        track = largest_of_each(probes.faces)
        looks = _looks(track, crop_of, upload.challenge)
        good = _good_enough(upload, services)
        done = _done_by(track, looks, probes, services)
        for face, pose in zip(track, looks, strict=True):
            row.note(image=_name(face), pose=pose.value, done=list(done.get(face, ())))
        fronts = [face for face in done if _name(face) in good and fulfils(done[face], upload.challenge)]
        row.note(asked=list(upload.challenge))
        if not fronts:
            raise Refusal(Code.CHALLENGE_FAILED)
        row.went_out = len(fronts)
        every = [track[0], *largest_of_each(faces)]
        ahead = zip(every[1:], _looks(every, crop_of, upload.challenge)[1:], strict=True)
        names = {_name(face) for face, pose in ahead if pose is Pose.STRAIGHT}
        return _only(probes, fronts, len({group_of[name] for name in names & good}))


def _looks(faces: Sequence[Face], crop_of: CropOf, asked: Sequence[str]) -> list[Pose]:
    """Return what each face does, measured against the first one."""
    landmarks = [face.detection.landmarks for face in faces]
    return expressions(poses(landmarks), landmarks, lambda at: crop_of(faces[at]), asked)


def _good_enough(upload: Upload, services: Services) -> set[str]:
    return {image.saved_as for image in upload.images if image.score >= services.policy.score_tol}


def _done_by(
    track: Sequence[Face], looks: Sequence[Pose], probes: Probes, services: Services
) -> dict[Face, tuple[str, ...]]:
    """Return for each face that looks straight ahead the actions that this very person did.

    A face that does something counts for those alone whom it matches at the threshold of one image.
    """
    ahead = [face for face, pose in zip(track, looks, strict=True) if pose is Pose.STRAIGHT]
    if not ahead:
        return {}
    scorer = services.scorer
    scores, _ = fused_scores(_rows(probes, ahead), _rows(probes, track), scorer, services.policy.sim_func, 1)
    is_same = scores <= scorer.threshold(1, 1)
    return {
        face: performed([pose for pose, same in zip(looks, row, strict=True) if same or pose is Pose.STRAIGHT])
        for face, row in zip(ahead, is_same, strict=True)
    }


def _only(probes: Probes, faces: Sequence[Face], images: int) -> Probes:
    groups = dict(zip(probes.faces, probes.groups, strict=True))
    kept = [groups[face] for face in faces]
    return replace(probes, faces=faces, groups=kept, images=images, embeddings=_rows(probes, faces))


def _rows(probes: Probes, faces: Sequence[Face]) -> dict[str, Floats]:
    places = {face: place for place, face in enumerate(probes.faces)}
    chosen = np.array([places[face] for face in faces])
    return {name: vectors[chosen] for name, vectors in probes.embeddings.items()}


def _name(face: Face) -> str:
    return face.photo.name
