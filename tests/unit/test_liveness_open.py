"""The table of whole photos and clips: what engines reject, by source."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.evaluation.liveness_open import as_json, as_text, measure_open
from tools.training.metrics import Presentation


def row(source: str, *, attack: bool, accepted: bool) -> Presentation:
    return Presentation(source, attack, "", accepted, True, 0.5)


def test_everything_that_is_not_live_is_rejected_and_counted_by_source() -> None:
    rows = [row("portraits", attack=False, accepted=index > 0) for index in range(4)]
    rows += [row("clip fake", attack=True, accepted=False)] * 3
    found = {"cnn": rows, "cnn,fasnet": rows[:4]}
    assert as_json(found)["cnn"] == {"clip fake": [3, 3], "portraits": [1, 4]}
    first, portraits, fake = as_text(found).splitlines()
    assert first.startswith("rejected by cnn, cnn,fasnet")
    assert portraits.split()[:4] == ["portraits", "bona", "fide", "25.0"]
    assert fake.split()[:4] == ["clip", "fake", "attack", "100.0"]


def test_nothing_to_judge_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no portrait and no clip"):
        measure_open(tmp_path, tmp_path, None, None, print)  # type: ignore[arg-type]
