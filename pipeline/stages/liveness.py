"""Only faces that were judged live go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codes_dict import Code, Refusal
from pipeline.types import Face, Liveness, LivenessJudge, LivenessVerdict


def judge_faces(faces: Sequence[Face], judge: LivenessJudge) -> list[LivenessVerdict]:
    """Judge every face in one call; one verdict per face."""
    verdicts = judge.judge(faces)
    if len(verdicts) != len(faces):
        raise Refusal(Code.NO_LIVENESS, f"{len(verdicts)} verdicts for {len(faces)} faces")
    return verdicts


def keep_live(faces: Sequence[Face], verdicts: Sequence[LivenessVerdict]) -> list[Face]:
    """Return the live faces; refuses where there is none: ALL_SPOOF if all were spoof, else NONE_LIVE."""
    live = [face for face, one in zip(faces, verdicts, strict=True) if one.state is Liveness.LIVE]
    if live:
        return live
    all_spoof = all(one.state is Liveness.SPOOF for one in verdicts)
    raise Refusal(Code.ALL_SPOOF if all_spoof else Code.NONE_LIVE)


def describe(face: Face, verdict: LivenessVerdict) -> dict[str, Any]:
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
