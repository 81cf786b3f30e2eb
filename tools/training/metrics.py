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
    return {name: report(some) for name, some in _grouped(rows, "source").items()}


def by_kind(rows: Sequence[Presentation]) -> dict[str, Rate]:
    """Return APCER of every kind of attack; the worst is the standard's headline."""
    return {kind: report(some).apcer for kind, some in _grouped([row for row in rows if row.attack], "kind").items()}


def as_json(rows: Sequence[Presentation]) -> dict[str, Any]:
    """Return an engine's report as plain data; a rate that nothing was shown for is null."""
    kinds = {kind: _rate("apcer", rate) | {"attacks": rate.of} for kind, rate in by_kind(rows).items()}
    worst = max(kinds, key=lambda kind: float(kinds[kind]["apcer"] or 0.0), default=None)
    return {
        **_plain(report(rows)),
        "apcer_worst_kind": {"kind": worst, **kinds[worst]} if worst else None,
        "per_kind": kinds,
        "per_source": {name: _plain(part) for name, part in by_source(rows).items()},
    }


def _plain(part: Report) -> dict[str, Any]:
    return {
        **_rate("apcer", part.apcer),
        **_rate("bpcer", part.bpcer),
        "acer": _number(part.acer),
        "attack_nonresponse": _number(part.attack_nonresponse.share),
        "bona_fide_nonresponse": _number(part.bona_fide_nonresponse.share),
        "bpcer_at_apcer": {f"{level:g}": _number(value) for level, value in part.bpcer_at.items()},
        "attacks": part.apcer.of,
        "bona_fide": part.bpcer.of,
    }


def _rate(name: str, rate: Rate) -> dict[str, Any]:
    return {name: _number(rate.share), f"{name}_95": [_number(end) for end in rate.interval]}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _grouped(rows: Sequence[Presentation], by: str) -> dict[str, list[Presentation]]:
    names = sorted({getattr(row, by) for row in rows})
    return {name: [row for row in rows if getattr(row, by) == name] for name in names}


def _scores(rows: Sequence[Presentation]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([math.inf if row.score is None else row.score for row in rows], dtype=np.float64)
