"""docs/liveness-failures.md has a row for each failure that is tested, and no other one."""

from __future__ import annotations

from tests.http.liveness.test_models import CARD, ENGINE, MODEL_FILE
from tests.http.liveness.test_photos import PHOTO
from tests.http.liveness.test_time_limit import FAILURES
from tests.http.site import ROOT


def test_the_table_has_a_row_for_each_of_these_failures() -> None:
    rows = (ROOT / "docs" / "liveness-failures.md").read_text().splitlines()
    expected = [f"| model file | {fault} | 178 |" for fault in MODEL_FILE]
    expected += [f"| card | {fault} | 178 |" for fault in CARD]
    expected += [f"| an engine | {fault} | 178 |" for fault in ENGINE]
    expected += [f"| photo | {fault} | {number} |" for fault, (number, _) in PHOTO.items()]
    expected += [f"| {what} | {fault} | 178 |" for what, fault in FAILURES.items()]
    groups = ("| model file |", "| card |", "| an engine |", "| photo |", "| engines | loading")
    assert sorted(row for row in rows if row.startswith(groups)) == sorted(expected)
