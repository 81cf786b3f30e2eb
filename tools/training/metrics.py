"""Presentation attack detection in the terms of ISO/IEC 30107-3:2023.

APCER: attacks taken for bona fide, over all attacks. BPCER: bona fide presentations not taken for bona fide, over
all of them. ACER: their mean (no longer in the standard, still what papers compare). Non-response: no face was
found, or it could not be judged; such an attack is rejected, such a bona fide presentation is an error.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest


@dataclass(frozen=True)
class Presentation:
    """One picture shown to an engine.

    `accepted`: judged live. `responded`: judged live or spoof. `score`: the probability of an attack, None where no
    face was found. `kind` names the attack instrument, the source's own where nothing finer is known.
    """

    source: str
    attack: bool
    kind: str
    accepted: bool
    responded: bool
    score: float | None


@dataclass(frozen=True)
class Rate:
    """A share of `of` presentations, with Wilson's 95 % interval; the share is nan where there are none."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """The rate, 0 to 1."""
        return self.count / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval (E. B. Wilson, 1927)."""
        if not self.of:
            return math.nan, math.nan
        ends = binomtest(self.count, self.of).proportion_ci(method="wilson")
        return float(ends.low), float(ends.high)


@dataclass(frozen=True)
class Report:
    """What one engine reached on a set of presentations."""

    apcer: Rate
    bpcer: Rate
    attack_nonresponse: Rate
    bona_fide_nonresponse: Rate
    bpcer_at: dict[float, float]

    @property
    def acer(self) -> float:
        """Mean of APCER and BPCER; the one that exists where only one class was shown."""
        shares = [rate.share for rate in (self.apcer, self.bpcer) if rate.of]
        return float(np.mean(shares)) if shares else math.nan


def report(rows: Sequence[Presentation]) -> Report:
    """Count the errors of one engine."""
    attacks, bona_fide = [row for row in rows if row.attack], [row for row in rows if not row.attack]
    return Report(
        apcer=Rate(sum(row.accepted for row in attacks), len(attacks)),
        bpcer=Rate(sum(not row.accepted for row in bona_fide), len(bona_fide)),
        attack_nonresponse=Rate(sum(not row.responded for row in attacks), len(attacks)),
        bona_fide_nonresponse=Rate(sum(not row.responded for row in bona_fide), len(bona_fide)),
        bpcer_at={level: bpcer_at(rows, level) for level in (0.01, 0.05)},
    )


def bpcer_at(rows: Sequence[Presentation], apcer: float) -> float:
    """Return BPCER at the most permissive threshold whose APCER is at most `apcer`; no face counts as rejected."""
    attacks = _scores([row for row in rows if row.attack])
    bona_fide = _scores([row for row in rows if not row.attack])
    if not len(attacks) or not len(bona_fide):
        return math.nan
    allowed = math.floor(apcer * len(attacks) + 1e-9)
    threshold = np.sort(attacks)[allowed] if allowed < len(attacks) else math.inf
    return float((bona_fide >= threshold).mean())


def by_source(rows: Sequence[Presentation]) -> dict[str, Report]:
    """Report every source on its own."""
    return {name: report([row for row in rows if row.source == name]) for name in sorted({row.source for row in rows})}


def by_kind(rows: Sequence[Presentation]) -> dict[str, Rate]:
    """Return APCER of every kind of attack; the worst is the standard's headline."""
    attacks = [row for row in rows if row.attack]
    kinds = sorted({row.kind for row in attacks})
    chosen = {kind: [row for row in attacks if row.kind == kind] for kind in kinds}
    return {kind: Rate(sum(row.accepted for row in some), len(some)) for kind, some in chosen.items()}


def as_json(rows: Sequence[Presentation]) -> dict[str, Any]:
    """Return an engine's report as plain data; a rate that nothing was shown for is null."""
    whole, kinds = report(rows), by_kind(rows)
    worst = max(kinds, key=lambda kind: kinds[kind].share, default=None)
    return {
        **_plain(whole),
        "apcer_worst_kind": {"kind": worst, **_rate(kinds[worst])} if worst else None,
        "per_kind": {kind: _rate(rate) for kind, rate in kinds.items()},
        "per_source": {name: _plain(part) for name, part in by_source(rows).items()},
    }


def _plain(part: Report) -> dict[str, Any]:
    return {
        "apcer": _number(part.apcer.share),
        "bpcer": _number(part.bpcer.share),
        "acer": _number(part.acer),
        "attack_nonresponse": _number(part.attack_nonresponse.share),
        "bona_fide_nonresponse": _number(part.bona_fide_nonresponse.share),
        "apcer_95": [_number(end) for end in part.apcer.interval],
        "bpcer_95": [_number(end) for end in part.bpcer.interval],
        "bpcer_at_apcer": {f"{level:g}": _number(value) for level, value in part.bpcer_at.items()},
        "attacks": part.apcer.of,
        "bona_fide": part.bpcer.of,
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {"apcer": _number(rate.share), "apcer_95": [_number(end) for end in rate.interval], "attacks": rate.of}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _scores(rows: Sequence[Presentation]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([math.inf if row.score is None else row.score for row in rows], dtype=np.float64)
