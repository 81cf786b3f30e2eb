"""docs/security.md names a test for every row of its checklist, and each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_row_of_the_checklist_has_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    rows = re.findall(r"(?m)^\| (\d+) \|.*\| ((?:`test_\w+`(?:, )?)+) \|$", page)
    assert [int(number) for number, _ in rows] == list(range(1, 29))
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = [name for _, names in rows for name in re.findall(r"test_\w+", names)]
    assert [name for name in named if f"def {name}(" not in written] == []
