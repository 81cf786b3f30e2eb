"""A backup of a working server comes back whole, into an empty place alone. On servers in tests/mysql."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tools.backup.take as take_module
from db.audit import AuditTrail
from db.facehash import FaceHashHomes
from db.initialise import initialise
from db.kept import FACEHASH, KeptFiles
from db.schema import PeopleNames
from db.session import sqlite_path
from security.audit_check import check
from tests.db_house import BLUE, GREEN, RED, House, Where, die_at, reply
from tests.processes import ended, started
from tests.unit.test_facehash_homes import new as classifier_of
from tools.backup import manifest
from tools.backup.manifest import Store
from tools.backup.restore import restore
from tools.backup.take import _TRIES, take
from tools.cli import main as cli

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    yield made
    made.database.dispose()


def store_of(where: Where, folder: Path) -> Store:
    names = PeopleNames()

    def create() -> None:
        initialise(where.uri, names, where.user, where.password, where.schema)

    folders = folder / "people", folder / "audit", folder / "facehash"
    return Store(where.database(), names, create, *folders, sqlite_path(where.uri))


def elsewhere(where: Where, folder: Path) -> Where:
    """Return an empty place for a restoration: another file, or the same schema without its tables."""
    if where.uri.startswith("sqlite"):
        return replace(where, uri=f"sqlite:///{folder}/db/again.sqlite3")
    house = House(where, folder / "unused", prepared=True)
    with house.database.reading() as connection:
        tables = [str(row[0]) for row in connection.exec_driver_sql("SHOW TABLES")]
    for table in tables:
        house.execute(f"DROP TABLE `{table}`")
    house.database.dispose()
    return where


def fill(house: House) -> None:
    house.enrol("A", "Ann O'Neil", RED, outcome=reply)
    house.enrol("A", "Ann", GREEN, outcome=reply)
    house.enrol("B", "Bea \u674e", BLUE, outcome=reply)
    house.enrol("B", "Bea \u674e", GREEN, in_place=True, outcome=reply)


def test_everything_comes_back_and_goes_on(house: House, where: Where, tmp_path: Path) -> None:
    fill(house)
    classifier = Path("facehash/HOME_key/v000001/card.json")
    (tmp_path / classifier).parent.mkdir(parents=True)
    (tmp_path / classifier).write_bytes(b"a version of a classifier")
    head = house.audit.head()
    files, people = house.files(), house.people.all()
    made = take(store_of(where, tmp_path), tmp_path / "backup")
    assert all((tmp_path / "backup" / name).is_file() for name in made.files)
    again = elsewhere(where, tmp_path / "new")
    store = store_of(again, tmp_path / "new")
    restore(tmp_path / "backup", store)
    new = House(again, tmp_path / "new", prepared=True)
    assert (new.files(), new.people.all()) == (files, people)
    assert (new.colours("A"), new.colours("B")) == ([RED, GREEN], [GREEN])
    assert (tmp_path / "new" / classifier).read_bytes() == b"a version of a classifier"
    assert new.recover() == 0
    new.enrol("C", "Cid", BLUE, outcome=reply)
    assert new.enrol("A", "Ann", BLUE, outcome=reply).existed
    trail = AuditTrail(new.database, tmp_path / "new" / "audit")
    found = check(trail.key(), trail.head(), trail.lines(), [head])
    assert (found.faults, [one["action"] for one in found.chain[4:]]) == ([], ["backup", "restore", "enrol", "enrol"])
    for database in (new.database, store.database):
        database.dispose()


def test_nothing_is_restored_into_a_place_where_something_is(house: House, where: Where, tmp_path: Path) -> None:
    fill(house)
    take(store_of(where, tmp_path), tmp_path / "backup")
    files = house.files()
    with pytest.raises(ValueError, match="is not empty"):
        restore(tmp_path / "backup", store_of(where, tmp_path))
    with pytest.raises(ValueError, match=r"the table \w+ is not empty"):
        restore(tmp_path / "backup", store_of(where, tmp_path / "new"))
    with pytest.raises(ValueError, match="is not empty"):
        take(store_of(where, tmp_path), tmp_path / "backup")
    assert (house.files(), house.colours("A")) == (files, [RED, GREEN])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a picture is changed": lambda folder: next(folder.rglob("*.png")).write_bytes(b"x"),
    "a picture is gone": lambda folder: next(folder.rglob("*.png")).unlink(),
    "a file is added": lambda folder: (folder / "people" / "more.png").write_bytes(b"x"),
    "the manifest is gone": lambda folder: (folder / manifest.NAME).unlink(),
    "the manifest is damaged": lambda folder: (folder / manifest.NAME).write_text("{"),
    "another table": lambda folder: edit(folder, names={"table": "x"}),
    "another kind": lambda folder: edit(folder, kind="another"),
    "a newer version": lambda folder: edit(folder, version="9999"),
    "another format": lambda folder: edit(folder, format="faceapp-backup-9"),
}


def edit(folder: Path, **changes: object) -> None:
    path = folder / manifest.NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_backup_that_is_damaged_or_does_not_fit_changes_nothing(house: House, where: Where, tmp_path: Path) -> None:
    house.enrol("A", "Ann", RED)
    take(store_of(where, tmp_path), tmp_path / "whole")
    for number, damage in enumerate(DAMAGES.values()):
        folder = tmp_path / f"backup{number}"
        for name in manifest.relative_files(tmp_path / "whole"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((tmp_path / "whole" / name).read_bytes())
        damage(folder)
        with pytest.raises(ValueError, match=r"."):
            restore(folder, store_of(elsewhere_unmade(where, tmp_path), tmp_path / "new"))
        assert not (tmp_path / "new").exists()


def elsewhere_unmade(where: Where, folder: Path) -> Where:
    return replace(where, uri=f"sqlite:///{folder}/new/db/again.sqlite3") if not where.schema else where


def take_dying(step: str, where: Where, folder: Path) -> None:
    take(store_of(where, folder), folder / "backup", die_at(step))


def restore_dying(step: str, where: Where, folder: Path) -> None:
    restore(folder / "backup", store_of(where, folder / "new"), die_at(step))


@pytest.mark.slow
@pytest.mark.parametrize("step", ["database copied", "copied"])
def test_a_killed_backup_is_none(house: House, where: Where, tmp_path: Path, step: str) -> None:
    house.enrol("A", "Ann", RED)
    house.database.dispose()
    assert ended(started(take_dying, step, where, tmp_path)) == [-signal.SIGKILL]
    with pytest.raises(ValueError, match="was not finished"):
        restore(tmp_path / "backup", store_of(where, tmp_path / "new"))
    assert house.colours("A") == [RED]
    take(store_of(where, tmp_path), tmp_path / "another")


@pytest.mark.slow
@pytest.mark.parametrize(
    "step", ["marked", "people restored", "audit restored", "facehash restored", "database restored"]
)
def test_a_killed_restoration_goes_on(house: House, where: Where, tmp_path: Path, step: str) -> None:
    fill(house)
    take(store_of(where, tmp_path), tmp_path / "backup")
    house.database.dispose()
    again = elsewhere(where, tmp_path / "new")
    assert ended(started(restore_dying, step, again, tmp_path)) == [-signal.SIGKILL]
    store = store_of(again, tmp_path / "new")
    restore(tmp_path / "backup", store)
    new = House(again, tmp_path / "new", prepared=True)
    assert (new.colours("A"), new.colours("B"), new.files()) == ([RED, GREEN], [GREEN], house.files())
    for database in (new.database, store.database):
        database.dispose()


def busy(name: str, house: House, stop: threading.Event, failed: list[BaseException]) -> None:
    """Enrol, replace and forget three people in turn until told to stop."""
    try:
        for number in range(1000):
            if stop.is_set():
                return
            house.enrol(f"{name}{number % 3}", name, RED if number % 2 else GREEN, in_place=number % 3 == 1)
            if number % 4 == 3:
                house.forgetting.forget(f"{name}{(number + 1) % 3}")
    except BaseException as error:
        failed.append(error)
        raise


def assert_whole(house: House) -> None:
    """Everybody has a folder, embeddings, and as many source crops as were enrolled."""
    house.gallery.delete_pickles()
    people, snapshot = [person.id for person in house.people.all()], house.gallery.snapshot()
    assert [one for one in people if snapshot.person(one) is None] == []
    sources = [path.name for path in house.root.rglob("source/*.png")]
    records = house.enrolments.of_people(people)
    assert {one.id for one in records} == set(people) != set()
    assert [one for one in records if sum(one.token in name for name in sources) != one.images] == []


def test_a_person_who_is_forgotten_while_folders_are_listed_is_no_error(
    house: House, where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(house)
    scandir, gone = os.scandir, list[Path]()

    def going(path: str | Path) -> Any:
        person = Path(path).name.rpartition("-")[2]
        if not gone and Path(path).parent == tmp_path / "people" and person in ("A", "B"):
            gone.append(Path(path))
            house.forgetting.forget(person)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", going)
    made = take(store_of(where, tmp_path), tmp_path / "backup")
    assert (len(gone), gone[0].exists()) == (1, False)
    assert not any(gone[0].name in name for name in made.files)
    assert any(name.startswith("people/") and name.endswith(".png") for name in made.files)


def test_where_people_keep_being_removed_they_wait_for_the_last_copy(
    house: House, where: Where, tmp_path: Path
) -> None:
    fill(house)
    late = threading.Thread(target=house.another().forgetting.forget, args=("B",))
    copies: list[str] = []

    def remove(name: str) -> None:
        if name != "files copied":
            return
        copies.append(name)
        if len(copies) <= _TRIES:
            house.enrol("A", "Ann", RED, in_place=True)
        else:
            late.start()

    made = take(store_of(where, tmp_path), tmp_path / "backup", remove)
    late.join()
    assert (len(copies), house.colours("A"), house.colours("B")) == (_TRIES + 1, [RED], None)
    again = elsewhere(where, tmp_path / "new")
    store = store_of(again, tmp_path / "new")
    restore(tmp_path / "backup", store)
    new = House(again, tmp_path / "new", prepared=True)
    assert (new.colours("A"), new.colours("B")) == ([RED], [GREEN])
    assert sum("/source/" in name and name.endswith(".png") for name in made.files) == 2
    for database in (new.database, store.database):
        database.dispose()


def test_a_classifier_that_comes_into_use_in_the_middle_is_there_whole(
    house: House, where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, copy = "0a1b2c3d", take_module._copy
    homes = FaceHashHomes(KeptFiles(tmp_path / "facehash", FACEHASH))
    homes.add(home, classifier_of("ada"))

    def trained(source: Path, target: Path) -> None:
        if "facehash" in target.parts:
            monkeypatch.setattr(take_module, "_copy", copy)
            homes.forget_older(home, homes.add(home, classifier_of("ben")))
        copy(source, target)

    monkeypatch.setattr(take_module, "_copy", trained)
    take(store_of(where, tmp_path), tmp_path / "backup")
    found = FaceHashHomes(KeptFiles(tmp_path / "backup" / "facehash", FACEHASH)).current(home)
    assert found is not None
    assert found.users == ("ben",)


@pytest.mark.slow
def test_a_backup_under_load_holds_every_person_whole(house: House, where: Where, tmp_path: Path) -> None:
    stop, failed = threading.Event(), list[BaseException]()
    threads = [threading.Thread(target=busy, args=(name, house.another(), stop, failed)) for name in "AB"]
    house.enrol("C", "cid", RED)
    for thread in threads:
        thread.start()
    try:
        for number in range(3):
            take(store_of(where, tmp_path), tmp_path / f"backup{number}")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    again = elsewhere(where, tmp_path / "new")
    store = store_of(again, tmp_path / "new")
    restore(tmp_path / "backup2", store)
    assert_whole(House(again, tmp_path / "new", prepared=True, embedders=house.models))
    store.database.dispose()


def test_the_commands_say_what_they_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for site in ("old", "new"):
        for folder in ("db", "bin/model", "static/people", "static/uploads"):
            (tmp_path / site / folder).mkdir(parents=True)
        shutil.copy(ROOT / ".env.example", tmp_path / site / ".env")
    old, new = (["--env", str(tmp_path / site / ".env")] for site in ("old", "new"))
    assert cli.main(["init-db", *old]) == 0
    assert cli.main(["backup", str(tmp_path / "backup"), *old]) == 0
    assert cli.main(["restore", str(tmp_path / "backup"), *new]) == 0
    assert "was restored: 2 files" in capsys.readouterr().out
    assert cli.main(["restore", str(tmp_path / "backup"), *new]) == 2
    assert "Error: " in capsys.readouterr().err
