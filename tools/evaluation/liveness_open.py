"""Measures liveness on whole photos and clips, as the server judges them: what is rejected, and which replays pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.models.liveness.judge import Judge
from pipeline.types import Detector
from tools.training.evaluate import measure
from tools.training.metrics import Presentation, Rate
from tools.training.sources import Item, clip_items, portrait_items

CLIP_STEP = 3
"""Every so many frames of a clip are judged."""


Rows = Mapping[str, Sequence[Presentation]]
"""What engines say of portraits and of clips' frames, by the engines' names; all that is not live is rejected."""


def as_text(rows: Rows) -> str:
    """Return the figures as text for people: rejected shares with Wilson's 95 % intervals."""
    lines = [f"rejected by {', '.join(rows)} (in %, with 95 % intervals):"]
    for source, attack in {row.source: row.attack for row in next(iter(rows.values()))}.items():
        rates = [_percent(_rejected(some, source)) for some in rows.values()]
        lines.append(f"{source:32} {'attack' if attack else 'bona fide':9}  " + "  ".join(rates))
    return "\n".join(lines)


def as_json(rows: Rows) -> dict[str, dict[str, list[int]]]:
    """Return, by engines and source, how many pictures were rejected and how many there are."""
    sources = sorted({row.source for some in rows.values() for row in some})
    rates = {engines: {source: _rejected(some, source) for source in sources} for engines, some in rows.items()}
    return {engines: {source: [one.count, one.of] for source, one in some.items()} for engines, some in rates.items()}


def measure_open(
    portraits: Path | None, clips: Path | None, detector: Detector, judge: Judge, say: Callable[[str], None]
) -> Rows:
    """Judge the photos of `portraits/PERSON/` and every third frame of the clips in `clips`, `fake` naming attacks.

    The own network judges alone and with all other engines. Pictures without a face count as rejected.
    """
    items: list[Item] = portrait_items(portraits) if portraits else []
    items += clip_items(clips, CLIP_STEP) if clips else []
    if not items:
        raise ValueError("there is no portrait and no clip to judge")
    whole = replace(judge, judge_tight=False)
    judges = {"cnn": Judge(cnn=whole.cnn)} if whole.cnn else {}
    return measure(items, detector, judges | {",".join(whole.engines): whole}, say).engines


def _rejected(rows: Sequence[Presentation], source: str) -> Rate:
    """Return how many pictures of a source are not taken for live."""
    some = [row for row in rows if row.source == source]
    return Rate(sum(not row.accepted for row in some), len(some))


def _percent(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * rate.share:5.1f} [{100 * low:.1f}, {100 * high:.1f}] ({rate.count}/{rate.of})"
