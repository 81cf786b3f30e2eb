"""Only faces that were judged live go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from codes_dict import Code, Refusal
from pipeline.ledger import Ledger
from pipeline.stages.sightings import Sighting
from pipeline.types import Face, Liveness, LivenessJudge, LivenessVerdict


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
    """Return the live faces; refuses if there is none: ALL_SPOOF if all were spoof, else NONE_LIVE."""
    with ledger.stage("liveness", 0) as row:
        live = [face for face in faces if face.verdict and face.verdict.state is Liveness.LIVE]
        row.went_out = len(live)
        if not live:
            all_spoof = all(face.verdict and face.verdict.state is Liveness.SPOOF for face in faces)
            raise Refusal(Code.ALL_SPOOF if all_spoof else Code.NONE_LIVE)
    return live


def _described(face: Face, verdict: LivenessVerdict) -> dict[str, Any]:
    """Return a face's verdict as the ledger shows it."""
    box = face.detection.box
    return {
        "image": face.photo.name,
        "box": [round(value) for value in (box.left, box.top, box.width, box.height)],
        "state": verdict.state.value,
        "score": round(verdict.score, 4),
        "threshold": round(verdict.threshold, 4),
        "engines": {name: round(score, 4) for name, score in verdict.engines.items()},
        "reason": verdict.reason,
        "attack": verdict.attack,
    }
