"""Measuring two ways of doing the same thing, turn by turn, and writing down what came of it."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

ROUNDS = 7
SLOW_PEER_S = 20.0
"""A peer that takes longer runs once."""
PAUSE_S = 0.05
"""Rest before each measurement: the threads of whoever ran last (OpenMP's, say) still spin for some milliseconds."""

Work = Callable[[], object]


@dataclass(frozen=True)
class Result:
    """What a scenario gave.

    `ours` and `peer` are medians in `unit`; `ratio` is ours over the peer's, `reach` what it has to be at most (at
    least, where `at_least`); `spread` is the distance between the quartiles of our values over their median;
    `roofline_share` is the part of our time that the bare arithmetic would take, None where there is none.
    """

    name: str
    ours: float
    peer: float
    ratio: float
    reach: float
    spread: float
    rounds: int
    note: str
    roofline_share: float | None = None
    unit: str = "s"
    at_least: bool = False

    @property
    def reached(self) -> bool:
        """Whether the ratio is what it has to be."""
        return self.ratio >= self.reach if self.at_least else self.ratio <= self.reach


def compare(
    name: str, ours: Work, peer: Work, reach: float, note: str, rounds: int, roofline_s: float | None = None
) -> Result:
    """Run both once to warm up, then turn by turn; a peer that took over 20 s is not run again."""
    seconds(ours)
    first = seconds(peer)
    peers = [first] if first > SLOW_PEER_S else []
    mine = []
    for _ in range(rounds):
        mine.append(seconds(ours))
        if first <= SLOW_PEER_S:
            peers.append(seconds(peer))
    return result(name, mine, peers, reach, note, roofline_s)


def result(
    name: str, ours: Sequence[float], peer: Sequence[float], reach: float, note: str, roofline_s: float | None = None
) -> Result:
    """Summarise seconds."""
    mine, theirs = statistics.median(ours), statistics.median(peer)
    share = None if roofline_s is None else roofline_s / mine
    return Result(name, mine, theirs, mine / theirs, reach, spread(ours), len(ours), note, share)


def seconds(work: Work) -> float:
    """Return how long a call takes, after a moment's rest."""
    time.sleep(PAUSE_S)
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def spread(values: Sequence[float]) -> float:
    """Return the distance between the quartiles over the median; 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4)
    return (high - low) / middle if middle else 0.0


def table(results: Sequence[Result]) -> str:
    """Return the results for people to read."""
    lines = [f"{'scenario':<18}{'ours':>11}{'peer':>11}{'ratio':>10}{'reach':>9}  {'spread':>6}  {'roofline':>8}  note"]
    for one in results:
        share = "-" if one.roofline_share is None else f"{one.roofline_share:.0%}"
        sign = ">=" if one.at_least else "<="
        mark = "" if one.reached else "  NOT REACHED"
        values = f"{_shown(one.ours, one.unit):>11}{_shown(one.peer, one.unit):>11}{one.ratio:>10.4f}"
        goal = f"{sign}{one.reach:.4g}"
        lines.append(f"{one.name:<18}{values}{goal:>9}  {one.spread:>6.0%}  {share:>8}  {one.note}{mark}")
    return "\n".join(lines)


def as_json(results: Sequence[Result]) -> Mapping[str, object]:
    """Return the results for programs to read; values that are no seconds carry their `unit`."""
    return {one.name: _as_json(one) for one in results}


def _as_json(one: Result) -> Mapping[str, object]:
    fields = asdict(one)
    return {"ours_s": fields.pop("ours"), "peer_s": fields.pop("peer"), **fields, "reached": one.reached}


def _shown(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.2f} {unit}"
    return f"{value * 1000:.1f} ms" if value < 10 else f"{value:.1f} s"
