"""What the server remembers of requests: counts by hour, the last requests, metrics."""

from __future__ import annotations

from api.gate import Gate
from api.telemetry import SeenRequest, Telemetry
from api.telemetry.counts import HourlyCounts
from api.telemetry.recent import RecentRequests, without_names

MIDNIGHT = 1_700_006_400 - 1_700_006_400 % 86_400
ROW = {"name": "compare", "in": 2, "out": 1, "code": None, "milliseconds": 20.0, "advice": ""}


def seen(request_id: str = "a", code: int = 200, **other: object) -> SeenRequest:
    return SeenRequest(request_id, 0.0, "POST", "/verify", code, 12.0, **other)  # type: ignore[arg-type]


def test_today_begins_at_midnight_and_old_hours_are_dropped() -> None:
    now = [MIDNIGHT - 1.0]
    counts = HourlyCounts(lambda: now[0])
    counts.add(630)
    now[0] = MIDNIGHT + 3600.0
    counts.add(630)
    counts.add(200)
    assert (counts.today(630), counts.today(200), counts.today(100)) == (1, 1, 0)
    assert counts.by_hour(3) == [(MIDNIGHT - 3600, {630: 1}), (MIDNIGHT, {}), (MIDNIGHT + 3600, {630: 1, 200: 1})]
    now[0] = MIDNIGHT + 48 * 3600.0
    counts.add(200)
    assert counts.by_hour(60)[:12] == [(hour, {}) for hour, _ in counts.by_hour(60)[:12]]


def test_the_last_requests_are_kept_newest_first() -> None:
    recent = RecentRequests(most=3)
    for name in "abcd":
        recent.add(seen(name, person="7" if name in "bd" else "8", code=500 if name == "c" else 200))
    assert [one.request_id for one in recent] == ["d", "c", "b"]
    assert [one.request_id for one in recent.matching(code=500)] == ["c"]
    assert [one.request_id for one in recent.find("b")] == ["b"]
    recent.forget("7")
    assert [one.request_id for one in recent] == ["c"]


def test_names_of_files_and_other_people_are_left_out() -> None:
    items = [{"image": "ada.jpg", "score": 0.3}, {"image": "bob.jpg"}, {"image": "ada.jpg"}, {"nearer": ["ID-7"]}]
    (row,) = without_names([{**ROW, "items": items}])
    assert [item.get("image") for item in row["items"]] == ["photo 1", "photo 2", "photo 1", None]
    assert row["items"][3]["nearer"] == 1
    assert "ada" not in str(row)
    assert "ID-7" not in str(row)


def test_the_metrics_count_requests_stages_and_scores() -> None:
    telemetry = Telemetry(Gate(2, 3), {"faceapp_gallery_people": ("People", lambda: 7)})
    stages = ({**ROW, "items": [{"score": 0.35}, {"score": 1.4}, {"score": None}]},)
    telemetry.add(seen(code=200, stages=stages))
    text = telemetry.metrics.text().decode()
    for line in (
        'faceapp_requests_total{code="200",endpoint="/verify"} 1.0',
        'faceapp_stage_seconds_sum{stage="compare"} 0.02',
        "faceapp_match_score_count 2.0",
        'faceapp_match_score_bucket{le="0.4"} 1.0',
        "faceapp_queue_depth 0.0",
        "faceapp_queue_limit 5.0",
        "faceapp_gallery_people 7.0",
    ):
        assert line in text.splitlines()


def test_what_cannot_be_told_is_left_out_of_the_metrics() -> None:
    telemetry = Telemetry(Gate(1, 1), {"faceapp_gallery_people": ("People", lambda: None)})
    assert "faceapp_gallery_people" not in telemetry.metrics.text().decode()


def test_monitors_do_not_push_requests_out_of_the_list() -> None:
    telemetry = Telemetry(Gate(1, 1), {})
    for endpoint in ("/health/ready", "/metrics", "/admin/api/requests", "/verify"):
        telemetry.add(SeenRequest("a", 0.0, "GET", endpoint, 101, 1.0))
    assert [one.endpoint for one in telemetry.recent] == ["/verify"]
