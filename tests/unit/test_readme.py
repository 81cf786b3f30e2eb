"""README.md: its tables are made from the program, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codes_dict import CODES_DICT
from settings.keys import KEYS
from tools.installation.tables import codes_table, refresh, settings_table

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


def test_the_generated_tables_are_current() -> None:
    assert refresh(README, EXAMPLE) == README, "run bin/docs"


def test_every_code_and_its_message_is_in_the_table() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \| \d+ \| (.*?) \| ", codes_table())
    assert {int(number): message for number, message in rows} == dict(CODES_DICT)


def test_every_key_of_the_settings_is_in_the_table() -> None:
    assert re.findall(r"(?m)^\| `([A-Z0-9_]+)` ", settings_table(EXAMPLE)) == [key.name for key in KEYS]


def test_a_missing_marker_is_an_error() -> None:
    with pytest.raises(ValueError, match="lacks the markers of the table of codes"):
        refresh(README.replace("<!-- end of codes -->", ""), EXAMPLE)


def test_every_command_that_is_named_is_there() -> None:
    named = set(re.findall(r"bin/[a-z][a-z-]*(?![a-z/-])", README)) - {"bin/model"}
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_command_that_is_there_is_named() -> None:
    commands = {f"bin/{path.name}" for path in (ROOT / "bin").iterdir() if path.is_file() and path.suffix == ""}
    assert {command for command in commands if f"`{command}" not in README} == set()
