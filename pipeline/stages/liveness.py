"""Only faces that were judged live go on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from codes_dict import Code, Refusal
from pipeline.ledger import Ledger
from pipeline.stages.sightings import Sighting, largest_of_each
from pipeline.stages.subject import shown_box
from pipeline.types import TIGHT_REACH, Check, Face, Liveness, LivenessJudge, LivenessVerdict, Photo

_FINE = "Nothing."
_MORE_SPACE = "Show your whole head with some space around it: liveness cannot be judged so close."


def judge_faces(faces: Sequence[Sighting], judge: Callable[[], LivenessJudge], ledger: Ledger) -> list[Sighting]:
    """Return the faces with their verdicts, judged in one call; whether a verdict stops a face is the flow's decision.

    `judge` returns the judge. Refuses with NO_LIVENESS if there is none, or if it skips a face.
    """
    with ledger.stage("liveness", len(faces)) as row:
        engines = judge() if faces else None
        verdicts = engines.judge(faces) if engines else []
        if len(verdicts) != len(faces):
            raise Refusal(Code.NO_LIVENESS, f"{len(verdicts)} verdicts for {len(faces)} faces")
        row.about = engines.about.as_dict() if engines else row.about
        row.items += [_described(*each) for each in zip(faces, verdicts, strict=True)]
        row.went_out += len(faces)
    return [replace(face, verdict=verdict) for face, verdict in zip(faces, verdicts, strict=True)]


def keep_live(faces: Sequence[Sighting], ledger: Ledger) -> list[Sighting]:
    """Return the live faces.

    Refuses with ALL_SPOOF where at least half of the photos show a spoof or no face is anything else, and with
    NONE_LIVE where no face is live.
    """
    spoof = spoof_photos(faces)
    photos = {face.photo for face in faces}
    with ledger.stage("liveness", 0) as row:
        live = [face for face in faces if _state(face) is Liveness.LIVE]
        row.went_out = len(live)
        if 2 * len(spoof) >= len(photos) or all(_state(face) is Liveness.SPOOF for face in faces):
            raise Refusal(Code.ALL_SPOOF, f"{len(spoof)} of {len(photos)} photos")
        if not live:
            raise Refusal(Code.NONE_LIVE, advice=_advice(faces))
    return live


def spoof_photos(faces: Sequence[Sighting]) -> set[Photo]:
    """Return the photos whose largest face is a spoof; somebody's picture in the background makes none of a photo."""
    return {face.photo for face in largest_of_each(faces) if _state(face) is Liveness.SPOOF}


def space_around(photo: Photo, faces: Sequence[Face]) -> tuple[Check, ...]:
    """Return whether the photo shows enough around its largest face to judge liveness; nothing without a face."""
    if not faces:
        return ()
    reach = faces[0].detection.box.reach(photo.pixels)
    passed = reach >= TIGHT_REACH
    return (Check("SpaceAroundFace", round(reach, 3), TIGHT_REACH, passed, _FINE if passed else _MORE_SPACE),)


def shown_verdict(verdict: LivenessVerdict) -> dict[str, Any]:
    """Return a verdict as results show it: the state, and the probability of an attack with its threshold, 0 to 1."""
    return {
        "state": verdict.state.value,
        "score": round(verdict.score, 4),
        "threshold": round(verdict.threshold, 4),
        "reason": verdict.reason,
    }


def _state(face: Sighting) -> Liveness:
    return face.verdict.state if face.verdict else Liveness.UNCERTAIN


def _advice(faces: Sequence[Sighting]) -> str:
    """Return what is wrong with most of the uncertain faces and what to do about it, empty where none says so."""
    reasons = [face.verdict.reason for face in faces if face.verdict and _state(face) is Liveness.UNCERTAIN]
    reasons = [reason for reason in reasons if reason]
    if not reasons:
        return ""
    reason = max(reasons, key=reasons.count)
    return f"{reason[0].upper()}{reason[1:]}."


def _described(face: Face, verdict: LivenessVerdict) -> dict[str, Any]:
    """Return a face's verdict as the ledger shows it."""
    return {
        "image": face.photo.name,
        "box": shown_box(face.photo, face.detection.box),
        **shown_verdict(verdict),
        "engines": {name: round(score, 4) for name, score in verdict.engines.items()},
        "attack": verdict.attack,
    }
