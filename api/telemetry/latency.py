"""How long each stage took in the requests that are remembered."""

import math
from collections.abc import Iterable
from typing import Any

from api.telemetry.recent import SeenRequest


def stage_seconds(seen: Iterable[SeenRequest]) -> list[dict[str, Any]]:
    """Return a row per stage, in the order of the stages: runs, and median, 95th percentile and maximum in ms."""
    times: dict[str, list[float]] = {}
    for one in seen:
        for row in one.stages:
            times.setdefault(row["name"], []).append(float(row["milliseconds"]))
    rows = [(name, sorted(found)) for name, found in times.items()]
    return [
        {"stage": name, "runs": len(found), "median": _at(found, 0.5), "p95": _at(found, 0.95), "most": found[-1]}
        for name, found in rows
    ]


def _at(ordered: list[float], share: float) -> float:
    """Return the value that this share of the values does not exceed."""
    return ordered[math.ceil(len(ordered) * share) - 1]
