"""All liveness engines together: one verdict a face, in three states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from codes_dict import Code, Refusal
from pipeline.models.liveness.card import Card
from pipeline.models.liveness.cnn import Cnn, CnnScores, load_cnn
from pipeline.models.liveness.fasnet import Fasnet, FasnetScores, load_fasnet
from pipeline.models.liveness.fusion import fused_scores
from pipeline.models.liveness.guards import doubt_about
from pipeline.models.liveness.views import visible_scale
from pipeline.types import Face, Floats, Liveness, LivenessVerdict

ENGINES = ("cnn", "fasnet")
DECISIVE = 0.8
"""What a decisive column of the card has to hold to decide alone."""
_RETAKE = "take a new photo in even light, with space around the head"


@dataclass(frozen=True, eq=False)
class Judge:
    """A `LivenessJudge` made of one or both engines; safe to call from several threads."""

    cnn: Cnn | None
    fasnet: Fasnet | None

    def judge(self, faces: Sequence[Face]) -> list[LivenessVerdict]:
        """Judge every face in one call per engine; see `pipeline.types.LivenessJudge`."""
        if not faces:
            return []
        photos, boxes = [face.photo.pixels for face in faces], [face.detection.box for face in faces]
        cnn = self.cnn.score(photos, boxes) if self.cnn else None
        fasnet = self.fasnet.score(photos, boxes) if self.fasnet else None
        verdicts = self._decide(faces, cnn, fasnet)
        if len(verdicts) != len(faces):
            raise Refusal(Code.NO_LIVENESS, f"{len(verdicts)} verdicts for {len(faces)} faces")
        return [_guarded(face, verdict) for face, verdict in zip(faces, verdicts, strict=True)]

    def _decide(
        self, faces: Sequence[Face], cnn: CnnScores | None, fasnet: FasnetScores | None
    ) -> list[LivenessVerdict]:
        if self.cnn and cnn and fasnet:
            reach = np.array([visible_scale(face.photo.pixels, face.detection.box) for face in faces])
            return _by_both(self.cnn.card, cnn, fasnet, reach.astype(np.float32))
        if self.cnn and cnn:
            return _by_cnn(self.cnn.card, cnn)
        if fasnet:
            return _by_fasnet(fasnet)
        raise Refusal(Code.NO_LIVENESS, "no liveness engine is selected")


def load_judge(
    engines: Sequence[str], model_file: Path, pinned_sha256: str | None, weights: Path, graphs: Path | None = None
) -> Judge:
    """Load the engines named in `engines`, a non-empty subset of `ENGINES`.

    `model_file` is the CNN, accepted by the SHA-256 in its card or by `pinned_sha256`; `weights` is the folder with
    Fasnet's two files; `graphs` is where compiled graphs are kept, None for nowhere. Nothing is downloaded. Raises
    `Refusal(Code.NO_LIVENESS)` naming what is wrong.
    """
    unknown = sorted(set(engines) - set(ENGINES))
    if unknown or not engines:
        raise Refusal(Code.NO_LIVENESS, f"liveness engines are {', '.join(ENGINES)}, not {unknown or 'none'}")
    cnn = load_cnn(model_file, pinned_sha256, graphs) if "cnn" in engines else None
    fasnet = load_fasnet(weights, graphs) if "fasnet" in engines else None
    if cnn and fasnet and cnn.card.fusion is None:
        raise Refusal(Code.NO_LIVENESS, f"the card of {model_file.name} does not say how to fuse it with Fasnet")
    return Judge(cnn, fasnet)


def _by_cnn(card: Card, scores: CnnScores) -> list[LivenessVerdict]:
    return [
        _verdict(
            _decided(card, float(score), columns),
            card.live,
            card.threshold,
            {"cnn": float(score)},
            _kind(card, columns),
        )
        for score, columns in zip(scores.attack, scores.columns, strict=True)
    ]


def _by_fasnet(scores: FasnetScores) -> list[LivenessVerdict]:
    """Decide as DeepFace does: live where live has the largest sum over both networks."""
    return [
        LivenessVerdict(
            state=Liveness.SPOOF if spoof else Liveness.LIVE,
            score=float(score),
            threshold=0.5,
            engines={"fasnet": float(score)},
            reason=_spoof_reason(None) if spoof else "",
        )
        for score, spoof in zip(scores.attack, scores.spoof, strict=True)
    ]


def _by_both(card: Card, cnn: CnnScores, fasnet: FasnetScores, reach: Floats) -> list[LivenessVerdict]:
    if card.fusion is None:
        raise Refusal(Code.NO_LIVENESS, "the card does not say how to fuse the engines")
    verdicts = []
    fused = fused_scores(card.fusion, cnn.attack, fasnet, reach)
    for index, score in enumerate(fused):
        engines = {"cnn": float(cnn.attack[index]), "fasnet": float(fasnet.attack[index])}
        kind = _kind(card, cnn.columns[index])
        score = _decided(card, float(score), cnn.columns[index])
        verdicts.append(_verdict(score, card.fusion.live, card.fusion.spoof, engines, kind))
    return verdicts


def _verdict(score: float, live: float, spoof: float, engines: dict[str, float], kind: str | None) -> LivenessVerdict:
    """Decide one score; a score at `spoof` or above is an attack, then one at `live` or below is bona fide."""
    if score >= spoof:
        return LivenessVerdict(Liveness.SPOOF, score, spoof, engines, _spoof_reason(kind), kind)
    if score <= live:
        return LivenessVerdict(Liveness.LIVE, score, spoof, engines)
    disagree = len(engines) > 1 and max(engines.values()) >= 0.5 > min(engines.values())
    reason = "the engines disagree" if disagree else "the face could not be told from an attack"
    return LivenessVerdict(Liveness.UNCERTAIN, score, spoof, engines, f"{reason}: {_RETAKE}")


def _decided(card: Card, score: float, columns: Floats) -> float:
    """Return the score, or what a decisive column holds where that is nearly all of the output."""
    decisive = max((float(columns[column]) for column in card.decisive), default=0.0)
    if decisive < DECISIVE:
        return score
    return max(score, decisive, card.threshold, card.fusion.spoof if card.fusion else 0.0)


def _spoof_reason(kind: str | None) -> str:
    return f"it looks like a {kind}" if kind else "it looks like a picture of a picture"


def _kind(card: Card, columns: Floats) -> str | None:
    """Name the kind of attack where one of the card's named columns holds most of what speaks for an attack."""
    total = float(columns[[*card.spoof, *card.decisive]].sum())
    for column, name in card.kinds.items():
        if card.activation == "probability" and total > 0 and columns[column] / total >= 0.7:
            return name
    return None


def _guarded(face: Face, verdict: LivenessVerdict) -> LivenessVerdict:
    doubt = doubt_about(face)
    if doubt is None:
        return verdict
    return replace(verdict, state=Liveness.UNCERTAIN, reason=str(doubt), attack=None)
