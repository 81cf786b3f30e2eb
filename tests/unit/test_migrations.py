"""Older databases come to the tables of this version, wherever that is interrupted. On servers in tests/mysql."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event

from codes_dict import Code, Refusal
from db.initialise import initialise
from db.keys import KeyRecords
from db.migrations.applying import apply_revisions, settings
from db.migrations.fresh import versions
from db.migrations.upgrade import revisions, upgrade
from db.schema import OWN, PeopleNames
from db.session import Database
from tests.db_house import BLUE, RED, House, Where
from tests.processes import ended, started

ROOT = Path(__file__).resolve().parents[2]
BEFORE = ROOT / "tests" / "data" / "before_migrations.sql"
KEPT = ("faceapp_state", "faceapp_enrolments", "faceapp_locks")
"""What the oldest databases have."""


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    yield made
    made.database.dispose()


def make_old(house: House) -> None:
    """Take away what the revisions have added, and the version."""
    for table in (*(one for one in OWN.tables if one not in KEPT), versions.name):
        house.execute(f"DROP TABLE {table}")


def differences(database: Database) -> list[Any]:
    """Return what `db.schema` declares and the database has otherwise, or the other way round."""
    with database.reading() as connection:
        ours = {"include_name": lambda name, kind, _: kind != "table" or name in OWN.tables}
        options = {**ours, "compare_type": False}  # a server tells types as it stores them: MEDIUMTEXT is LONGTEXT
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), OWN))


def contents(database: Database) -> dict[str, Any]:
    """Return each table's declaration and rows; the audit's key, which is drawn, as its length."""
    with database.reading() as connection:
        rows = {}
        for name, words in connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")):
            found = connection.execute(sa.text(f"SELECT * FROM {name}")).all()
            kept = [tuple(len(cell) if name == "faceapp_own_keys" else cell for cell in row) for row in found]
            rows[name] = "".join(str(words).split()), sorted(kept)
        return rows


def upgrade_dying_after(statements: int, where: Where) -> None:
    """Upgrade in a process that kills itself after so many statements that change something."""
    database, left = where.database(), [statements]

    def count(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        left[0] -= statement.lstrip().upper().startswith(("CREATE", "ALTER", "INSERT", "UPDATE"))
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "after_cursor_execute", count)
    upgrade(database)


def upgrade_once(where: Where) -> None:
    upgrade(where.database())


def test_the_revisions_make_what_the_schema_declares(house: House) -> None:
    assert differences(house.database) == []
    make_old(house)
    upgrade(house.database)
    assert differences(house.database) == []


def test_a_file_from_before_migrations_is_recognised_and_keeps_everything(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    with sqlite3.connect(folder / "old.sqlite3") as connection:
        connection.executescript(BEFORE.read_text())
    where = Where(f"sqlite:///{folder / 'old.sqlite3'}")
    house = House(where, tmp_path, prepared=True)
    upgrade(house.database)
    person = house.people.find("RECO_ID_1")
    assert person is not None
    assert (person.given_name, house.enrolments.version(), differences(house.database)) == ("Ann O'Neil", 1, [])
    house.enrol("RECO_ID_2", "Bea", BLUE)
    assert house.colours("RECO_ID_2") == [BLUE]
    house.database.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("statements", [0, 5, 14])
def test_kill_9_in_the_middle_leaves_what_the_next_start_completes(
    where: Where, tmp_path: Path, statements: int
) -> None:
    house = House(where, tmp_path)
    person = house.enrol("A", "ann", RED).person
    make_old(house)
    house.database.dispose()
    assert ended(started(upgrade_dying_after, statements, where)) == [-signal.SIGKILL]
    upgrade(house.database)
    assert (differences(house.database), house.colours("A")) == ([], [RED])
    found = house.people.find("A")
    assert found is not None
    assert (found.key, found.path) == (person.key, person.path)
    house.database.dispose()


@pytest.mark.slow
def test_several_processes_upgrade_at_once(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    make_old(house)
    house.database.dispose()
    assert ended(*[started(upgrade_once, where) for _ in range(3)]) == [0] * 3
    assert differences(house.database) == []
    house.database.dispose()


def test_a_database_of_a_newer_version_is_158_for_everybody_until_the_version_fits(house: House) -> None:
    house.enrol("A", "ann", RED)
    house.execute(f"UPDATE {versions.name} SET version_num = '9999'")
    for work in (
        lambda: upgrade(house.database),
        lambda: house.people.find("A"),
        KeyRecords(house.database).all,
        lambda: house.enrol("B", "bea", BLUE),
        lambda: initialise(house.where.uri, PeopleNames(), house.where.user, house.where.password, house.where.schema),
    ):
        with pytest.raises(Refusal) as caught:
            work()
        assert caught.value.code is Code.DB_NEWER
    assert "version 9999" in caught.value.detail
    with house.database.migrating(writes=True) as connection:
        connection.execute(sa.text(f"UPDATE {versions.name} SET version_num = '{revisions()[0]}'"))
    upgrade(house.database)
    assert house.colours("A") == [RED]


def test_a_database_that_is_up_to_date_is_only_read(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    written: list[str] = []
    event.listen(house.database.engine, "before_cursor_execute", lambda *given: written.append(given[2].lstrip()[:6]))
    upgrade(house.database)
    assert {word.upper() for word in written} <= {"SELECT", "PRAGMA", "BEGIN", "DESCRI", "SHOW F", "SHOW T"}
    assert "bringing" not in caplog.text


def test_each_revision_follows_another_and_none_is_skipped() -> None:
    assert revisions() == [f"{number:04}" for number in range(len(revisions()), 0, -1)]
    assert revisions() == [one.revision for one in ScriptDirectory.from_config(settings()).walk_revisions()]


def test_a_fresh_database_is_what_the_revisions_would_make_of_it(tmp_path: Path) -> None:
    made = [Where(f"sqlite:///{tmp_path / name}").database() for name in ("fresh", "by_revisions")]
    for name in ("fresh", "by_revisions"):
        sqlite3.connect(tmp_path / name).close()
    upgrade(made[0], create=True)
    with made[1].migrating(writes=True) as connection:
        apply_revisions(connection)
    fresh, by_revisions = map(contents, made)
    assert fresh == by_revisions
    for one in made:
        one.dispose()


def test_a_database_that_is_there_or_new_is_opened_without_importing_alembic(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'new.sqlite'}"
    program = (
        "import sys; from db.initialise import initialise; from db.schema import PeopleNames\n"
        f"for _ in range(2): initialise({uri!r}, PeopleNames())\n"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
