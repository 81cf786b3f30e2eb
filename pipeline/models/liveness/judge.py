"""All liveness engines together: one verdict a face, in three states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from codes_dict import Code, Refusal
from pipeline.models.liveness.card import Card
from pipeline.models.liveness.cnn import Cnn, CnnScores, load_cnn
from pipeline.models.liveness.facenox import Facenox, load_facenox
from pipeline.models.liveness.fasnet import Fasnet, FasnetScores, load_fasnet
from pipeline.models.liveness.fusion import REACHES, fused_scores
from pipeline.models.liveness.guards import doubt_about, doubt_about_room
from pipeline.registry import LIVENESS_FILES
from pipeline.types import Face, Floats, Liveness, LivenessAbout, LivenessVerdict

ENGINES = ("cnn", *LIVENESS_FILES)
DECISIVE = 0.8
"""What a decisive column of the card has to hold to decide alone."""
HALF = 0.5
"""The score at which a face counts as an attack where the card has no say."""
_RETAKE = "take a new photo in even light, with space around the head"


@dataclass(frozen=True, eq=False)
class Judge:
    """A `LivenessJudge` made of one engine or several; safe to call from several threads.

    Faces that fill their photo are uncertain unless `judge_tight`.
    """

    cnn: Cnn | None = None
    fasnet: Fasnet | None = None
    facenox: Facenox | None = None
    judge_tight: bool = False

    @property
    def engines(self) -> tuple[str, ...]:
        """The names of the engines that judge."""
        return tuple(name for name in ENGINES if getattr(self, name) is not None)

    @property
    def about(self) -> LivenessAbout:
        """Which engines judge, and what they reach together."""
        measured = self.cnn.card.reaches if self.cnn else REACHES
        return LivenessAbout(self.engines, measured.get(",".join(self.engines), {}))

    def judge(self, faces: Sequence[Face]) -> list[LivenessVerdict]:
        """Judge every face in one call per engine; see `pipeline.types.LivenessJudge`."""
        if not faces:
            return []
        verdicts = self._decide(self._read(faces))
        if len(verdicts) != len(faces):
            raise Refusal(Code.NO_LIVENESS, f"{len(verdicts)} verdicts for {len(faces)} faces")
        return [self._guarded(face, verdict) for face, verdict in zip(faces, verdicts, strict=True)]

    def _read(self, faces: Sequence[Face]) -> _Readings:
        photos, boxes = [face.photo.pixels for face in faces], [face.detection.box for face in faces]
        return _Readings(
            cnn=self.cnn.score(photos, boxes) if self.cnn else None,
            fasnet=self.fasnet.score(photos, boxes) if self.fasnet else None,
            facenox=self.facenox.score(photos, boxes) if self.facenox else None,
            reach=np.array([box.reach(photo) for photo, box in zip(photos, boxes, strict=True)], dtype=np.float32),
        )

    def _decide(self, read: _Readings) -> list[LivenessVerdict]:
        if not self.engines:
            raise Refusal(Code.NO_LIVENESS, "no liveness engine is selected")
        if self.engines == ("fasnet",) and read.fasnet:
            return _by_fasnet(read.fasnet)
        card, live, spoof = self.cnn.card if self.cnn else None, HALF, HALF
        if len(self.engines) > 1:
            scores = fused_scores(read.cnn.attack if read.cnn else None, read.fasnet, read.facenox, read.reach)
        elif card and read.cnn:
            scores, live, spoof = read.cnn.attack, card.live, card.threshold
        else:
            scores = read.facenox_attack
        verdicts = []
        for index, value in enumerate(scores):
            score, kind = float(value), None
            if card and read.cnn:
                columns = read.cnn.columns[index]
                score, kind = _decided(card, score, columns), _kind(card, columns)
            verdicts.append(_verdict(score, live, spoof, read.engines(index), kind))
        return verdicts

    def _guarded(self, face: Face, verdict: LivenessVerdict) -> LivenessVerdict:
        doubt = doubt_about(face) or ("" if self.judge_tight else doubt_about_room(face))
        return replace(verdict, state=Liveness.UNCERTAIN, reason=doubt, attack=None) if doubt else verdict


@dataclass(frozen=True, eq=False)
class _Readings:
    """What the engines that judge say of the same faces, and how far the photo reaches around each (faces,)."""

    cnn: CnnScores | None
    fasnet: FasnetScores | None
    facenox: Floats | None
    reach: Floats

    @property
    def facenox_attack(self) -> Floats:
        """The probability of an attack by facenox (faces,)."""
        odds = np.clip(np.zeros_like(self.reach) if self.facenox is None else self.facenox, -30, 30)
        return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)

    def engines(self, index: int) -> dict[str, float]:
        """Return each engine's own probability of an attack for one face."""
        scores = {"cnn": self.cnn.attack} if self.cnn else {}
        scores |= {"fasnet": self.fasnet.attack} if self.fasnet else {}
        scores |= {} if self.facenox is None else {"facenox": self.facenox_attack}
        return {name: float(values[index]) for name, values in scores.items()}


def load_judge(
    engines: Sequence[str],
    model_file: Path,
    pinned_sha256: str | None,
    weights: Path | Mapping[str, Path],
    kept: Path | None = None,
    judge_tight: bool = False,
) -> Judge:
    """Load the engines named in `engines`, a non-empty subset of `ENGINES`.

    `model_file` is the CNN, accepted by the SHA-256 in its card or by `pinned_sha256`; `weights` is the folder with
    Fasnet's two files and facenox's one, or a folder for each by the engine's name; `kept` is where converted
    networks are kept, None for nowhere. Nothing is downloaded. Raises `Refusal(Code.NO_LIVENESS)` naming what is wrong.
    """
    unknown = sorted(set(engines) - set(ENGINES))
    if unknown or not engines:
        raise Refusal(Code.NO_LIVENESS, f"liveness engines are {', '.join(ENGINES)}, not {unknown or 'none'}")
    folders = dict.fromkeys(LIVENESS_FILES, weights) if isinstance(weights, Path) else weights
    return Judge(
        cnn=load_cnn(model_file, pinned_sha256, kept) if "cnn" in engines else None,
        fasnet=load_fasnet(folders["fasnet"], kept) if "fasnet" in engines else None,
        facenox=load_facenox(folders["facenox"]) if "facenox" in engines else None,
        judge_tight=judge_tight,
    )


def _by_fasnet(scores: FasnetScores) -> list[LivenessVerdict]:
    """Decide as DeepFace does: live where live has the largest sum over both networks."""
    return [
        LivenessVerdict(
            state=Liveness.SPOOF if spoof else Liveness.LIVE,
            score=float(score),
            threshold=HALF,
            engines={"fasnet": float(score)},
            reason=_spoof_reason(None) if spoof else "",
        )
        for score, spoof in zip(scores.attack, scores.spoof, strict=True)
    ]


def _verdict(score: float, live: float, spoof: float, engines: dict[str, float], kind: str | None) -> LivenessVerdict:
    """Decide one score; a score at `spoof` or above is an attack, then one at `live` or below is bona fide."""
    if score >= spoof:
        return LivenessVerdict(Liveness.SPOOF, score, spoof, engines, _spoof_reason(kind), kind)
    if score <= live:
        return LivenessVerdict(Liveness.LIVE, score, spoof, engines)
    return LivenessVerdict(
        Liveness.UNCERTAIN, score, spoof, engines, f"the face could not be told from an attack: {_RETAKE}"
    )


def _decided(card: Card, score: float, columns: Floats) -> float:
    """Return the score, or what a decisive column holds where that is nearly all of the output."""
    decisive = max((float(columns[column]) for column in card.decisive), default=0.0)
    return score if decisive < DECISIVE else max(score, decisive, card.threshold)


def _spoof_reason(kind: str | None) -> str:
    return f"it looks like a {kind}" if kind else "it looks like a picture of a picture"


def _kind(card: Card, columns: Floats) -> str | None:
    """Name the kind of attack where one of the card's named columns holds most of what speaks for an attack.

    Where little speaks for any, something else decided, and nothing is named.
    """
    total = float(columns[[*card.spoof, *card.decisive]].sum())
    for column, name in card.kinds.items():
        if card.activation == "probability" and total >= HALF and columns[column] / total >= 0.7:
            return name
    return None
