"""What the server prints comes line by line, though several threads print and the output may be unbuffered."""

import io
import re
from pathlib import Path

import pytest

from bootstrap.serving import _say

ROOT = Path(__file__).resolve().parents[2]


class Pieces(io.StringIO):
    """A stream that remembers what was written to it at once."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


def test_a_line_is_written_with_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    said, faults = Pieces(), Pieces()
    monkeypatch.setattr("sys.stdout", said)
    _say("Stopped.")
    _say(ValueError("no room"), faults)
    assert (said.pieces, faults.pieces) == (["Stopped.\n"], ["no room\n"])


def test_nothing_that_the_server_runs_prints_in_another_way() -> None:
    folders = ("api", "bootstrap", "db", "pipeline", "security", "settings")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    assert [file.name for file in files if re.search(r"(?<!\w)print\(", file.read_text(encoding="utf-8"))] == []
