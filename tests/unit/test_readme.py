"""The documentation: its tables are made from the program, its links lead somewhere, what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codes_dict import CODES_DICT
from settings.keys import KEYS
from tools.installation.docs import codes_table, refresh, settings_table, tables

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in [
    ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "bin/model/README.md", ROOT / "deploy/README.md",
]}  # fmt: skip
COMMANDS = PAGES["docs/commands.md"]


@pytest.mark.parametrize(("name", "table"), tables(EXAMPLE).items(), ids=lambda given: given[:10])
def test_the_generated_tables_are_current(name: str, table: str) -> None:
    page = PAGES[f"docs/{name}.md"]
    assert refresh(page, name, table) == page, "run bin/docs"


def test_every_code_and_its_message_is_in_the_table() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \| \d+ \| (.*?) \| ", codes_table())
    assert {int(number): message for number, message in rows} == dict(CODES_DICT)


def test_every_key_of_the_settings_is_in_the_table() -> None:
    assert re.findall(r"(?m)^\| `([A-Z0-9_]+)` ", settings_table(EXAMPLE)) == [key.name for key in KEYS]


def test_a_missing_marker_is_an_error() -> None:
    with pytest.raises(ValueError, match="lacks the markers of the table of codes"):
        refresh(PAGES["docs/codes.md"].replace("<!-- end of codes -->", ""), "codes", "")


def test_every_command_that_is_named_is_there() -> None:
    named = set(re.findall(r"(?<![/\w])bin/[a-z][a-z-]*(?![a-z/-])", "".join(PAGES.values()))) - {"bin/model"}
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_command_that_is_there_is_named() -> None:
    commands = {f"bin/{path.name}" for path in (ROOT / "bin").iterdir() if path.is_file() and path.suffix == ""}
    assert {command for command in commands if f"`{command}" not in COMMANDS} == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)", PAGES[page])
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_the_readme_is_a_front_door() -> None:
    lines = PAGES["README.md"].splitlines()
    assert len(lines) <= 150
    assert any(line.startswith("![") for line in lines[:20])
