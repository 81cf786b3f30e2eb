"""bin/init-db: makes the tables that the settings name, and says in one line what prevents it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    for folder in ("db", "bin/model", "static/people", "static/uploads"):
        (tmp_path / folder).mkdir(parents=True)
    return Path(shutil.copy(ROOT / ".env.example", tmp_path / ".env"))


def init_db(settings: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "bin" / "init-db"), "--env", str(settings)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_the_tables_of_the_example_settings_are_made_and_a_second_run_keeps_the_rows(settings: Path) -> None:
    assert init_db(settings).returncode == 0
    [file] = (settings.parent / "db").glob("*.sqlite*")
    with sqlite3.connect(file) as base:
        base.execute("INSERT INTO reco_table (reco_id, reco_name, reco_path) VALUES ('A', 'ann', 'ann-A')")
    again = init_db(settings)
    assert (again.returncode, again.stderr) == (0, "")
    tables = {name for (name,) in sqlite3.connect(file).execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"reco_table", "faceapp_enrolments", "faceapp_locks", "faceapp_state"} <= tables
    assert sqlite3.connect(file).execute("SELECT * FROM reco_table").fetchall() == [(1, "A", "ann", "ann-A")]


@pytest.mark.parametrize("example", [".env.example", ".env.mysql.example"])
def test_a_fresh_clone_gets_its_folders(tmp_path: Path, example: str) -> None:
    done = init_db(Path(shutil.copy(ROOT / example, tmp_path / ".env")))
    assert sorted(path.name for path in tmp_path.glob("static/*")) == ["people", "uploads"]
    if example == ".env.example":
        assert (done.returncode, done.stderr) == (0, "")
    else:  # there is no server, and nothing else is wrong
        assert (done.returncode, done.stderr.splitlines()[-1].startswith("Error: 155 ")) == (2, True)


def test_faulty_settings_are_named_and_nothing_is_made(settings: Path) -> None:
    settings.write_text(settings.read_text().replace("SQL_TABLE=reco_table", "SQL_TABLE=a b"))
    done = init_db(settings)
    assert (done.returncode, done.stdout, done.stderr.split(": ")[:2]) == (2, "", ["Error", "SQL_TABLE"])
    assert list((settings.parent / "db").iterdir()) == []


def test_a_server_that_is_not_there_is_said_in_one_line(settings: Path) -> None:
    text = settings.read_text().replace("SQL_USER=", "SQL_USER=me").replace("SQL_SCHEMA=", "SQL_SCHEMA=faces")
    lines = ["SQL_URI=127.0.0.1:1" if line.startswith("SQL_URI=") else line for line in text.splitlines()]
    settings.write_text("\n".join(lines))
    done = init_db(settings)
    assert (done.returncode, done.stderr.count("\n"), "155" in done.stderr) == (2, 1, True)
