"""What `/metrics` tells Prometheus: requests, stages, the queue, the models' batches, and scores to see drift by."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.telemetry.recent import SeenRequest
from pipeline.batch_sizes import BATCH_SIZES

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TENTHS = tuple(step / 10 for step in range(1, 21))
SCORES: Mapping[str, tuple[str, str, tuple[float, ...]]] = {
    "quality": ("faceapp_photo_quality", "Quality scores of uploaded photos, 0 to 10", tuple(map(float, range(11)))),
    "liveness": ("faceapp_liveness_score", "Liveness scores of faces, 0 to 1", TENTHS[:10]),
    "compare": ("faceapp_match_score", "Fused scores of photos against the claimed person; lower is nearer", TENTHS),
}
"""Stage to the histogram of its items' scores: name, meaning, upper bounds."""

Gauge = tuple[str, Callable[[], float | None]]
"""A meaning, and what reads the value; None is left out."""


class Metrics:
    """The metrics of one application. `gauges` are read when they are asked for, by name."""

    def __init__(self, gauges: Mapping[str, Gauge]) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "faceapp_requests", "Requests by route and code of the reply", ["endpoint", "code"], registry=registry
        )
        self._seconds = Histogram(
            "faceapp_request_seconds", "Seconds from request to reply", ["endpoint"], buckets=SECONDS, registry=registry
        )
        self._stages = Histogram(
            "faceapp_stage_seconds", "Seconds in a stage", ["stage"], buckets=SECONDS, registry=registry
        )
        self._scores = {
            stage: Histogram(name, meaning, buckets=bounds, registry=registry)
            for stage, (name, meaning, bounds) in SCORES.items()
        }
        registry.register(BATCH_SIZES)
        registry.register(_Gauges(gauges))

    def observe(self, seen: SeenRequest) -> None:
        """Count a request that was answered."""
        self._requests.labels(seen.endpoint, str(seen.code)).inc()
        self._seconds.labels(seen.endpoint).observe(seen.milliseconds / 1000)
        for row in seen.stages:
            self._stages.labels(row["name"]).observe(row["milliseconds"] / 1000)
            if row["name"] in self._scores:
                for item in row.get("items", ()):
                    if isinstance(item.get("score"), int | float):
                        self._scores[row["name"]].observe(float(item["score"]))

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self._registry)


class _Gauges(Collector):
    def __init__(self, gauges: Mapping[str, Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        for name, (meaning, read) in self._gauges.items():
            value = read()
            if value is not None:
                yield GaugeMetricFamily(name, meaning, value)

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily(name, meaning) for name, (meaning, _) in self._gauges.items()]
