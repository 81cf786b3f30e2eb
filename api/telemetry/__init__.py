"""What the server remembers of the requests that it answered: counts, metrics, and the last requests themselves."""

from typing import cast

from flask import current_app, g, request

from api.gate import Gate
from api.telemetry.counts import HourlyCounts
from api.telemetry.metrics import Gauge, Metrics
from api.telemetry.recent import RecentRequests, SeenRequest
from pipeline.pseudonym import pseudonym

__all__ = ["EXTENSION", "Gauge", "SeenRequest", "Telemetry", "concerns", "telemetry"]

EXTENSION = "faceapp.telemetry"
_UNLISTED = ("/admin", "/health", "/metrics", "/static/")
"""Beginnings of routes that the list of the last requests leaves out: monitors and pages ask for them all the time."""


class Telemetry:
    """Counts, metrics and the last requests of one application. Nothing of it is written to disk."""

    def __init__(self, gate: Gate, gauges: dict[str, Gauge]) -> None:
        self.counts, self.recent = HourlyCounts(), RecentRequests()
        self.metrics = Metrics(
            {
                "faceapp_queue_depth": ("Costly requests that are processed or wait", lambda: gate.inside),
                "faceapp_queue_limit": ("Costly requests that may be processed or wait", lambda: gate.most),
                **gauges,
            }
        )

    def add(self, seen: SeenRequest) -> None:
        """Remember a request that was answered."""
        self.metrics.observe(seen)
        if not seen.endpoint.startswith(_UNLISTED):
            self.counts.add(seen.code)
            self.recent.add(seen)


def telemetry() -> Telemetry:
    """Return the application's telemetry."""
    return cast(Telemetry, current_app.extensions[EXTENSION])


def concerns(person_id: str) -> None:
    """Note, for the log and the operator, whom the current request is about: by pseudonym alone, if it can be an ID."""
    if person_id and person_id.isascii():
        g.person = pseudonym(person_id, draw=request.method == "POST")
