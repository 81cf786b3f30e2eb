"""Ten kills at random moments; bin/chaos does hundreds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.chaos.command import kill_often
from tools.chaos.store import ChaosStore
from tools.chaos.worker import PEOPLE


@pytest.mark.slow
def test_after_ten_kills_everything_agrees_and_what_was_acknowledged_holds(tmp_path: Path) -> None:
    report = kill_often(tmp_path, {"enrol": 8, "forget": 2}, 7)
    assert report["faults"] == []
    assert sum(report["interrupted"].values()) >= 10
    assert sum(report["acknowledged"].values()) > 0


def test_the_check_finds_what_is_lost(tmp_path: Path) -> None:
    store = ChaosStore(tmp_path)
    store.enrol("B", 2, in_place=False)
    assert (store.photos("B"), store.faults(PEOPLE)) == (2, [])
    next((tmp_path / "people").rglob("source/*.png")).unlink()
    assert [fault.split(" of ")[0] for fault in store.faults(PEOPLE)] == ["B: files"]
    store.database.dispose()
