"""The database's outages and refusals, each as its code, and recovery without a restart (servers: tests/mysql)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from codes_dict import Code, Refusal
from db import files
from db.initialise import initialise
from db.people import stored_name
from db.schema import PeopleNames
from db.session import Database, make_engine, open_sqlite, safe_message, server_address
from pipeline.stages.identity import shown_name
from pipeline.types import Person
from tests.db_house import GREEN, RED, House, Where


def code_of(work: object) -> Code | None:
    try:
        work()  # type: ignore[operator]
    except Refusal as refusal:
        return refusal.code
    return None


def test_a_database_that_is_gone_is_155_everywhere_and_works_again_when_it_is_back(
    where: Where, tmp_path: Path
) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "ann", RED)
    upload = house.upload("B", GREEN)
    before = house.files()
    (tmp_path / "db").rename(tmp_path / "away")
    codes = [
        code_of(lambda: house.people.find("A")),
        code_of(house.gallery.snapshot),
        code_of(lambda: house.enrol("B", "bea", GREEN, upload=upload)),
    ]
    assert (codes, house.files()) == ([Code.DB_DOWN] * 3, before)
    assert not (tmp_path / "db").exists()
    (tmp_path / "away").rename(tmp_path / "db")
    house.enrol("B", "bea", GREEN, upload=upload)
    assert (house.colours("A"), house.colours("B")) == ([RED], [GREEN])


def test_a_missing_file_is_an_outage_and_not_a_fresh_start(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.database.dispose()
    for path in (tmp_path / "db").iterdir():
        path.unlink()
    assert code_of(lambda: house.people.find("A")) is Code.DB_DOWN
    assert list((tmp_path / "db").iterdir()) == []


def test_a_database_that_goes_in_the_middle_of_an_enrolment_leaves_nothing_behind(where: Where, tmp_path: Path) -> None:
    whole = House(where, tmp_path)

    def goes(step: str) -> None:
        if step == "segments written":
            (tmp_path / "db").rename(tmp_path / "away")

    house = whole.another(goes)
    upload = house.upload("A", RED)
    assert code_of(lambda: house.enrol("A", "ann", RED, upload=upload)) is Code.DB_DOWN
    (tmp_path / "away").rename(tmp_path / "db")
    assert (whole.files(), whole.people.find("A")) == ([], None)
    assert whole.enrol("A", "ann", RED, upload=upload).existed is False


def test_a_commit_whose_answer_was_lost_keeps_the_files_of_what_was_committed(
    where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(where, tmp_path)
    commit = sa.engine.Connection.commit

    def lost(connection: sa.engine.Connection) -> None:
        commit(connection)
        raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("gone away"))

    def armed(step: str) -> None:
        if step == "ready to commit":
            monkeypatch.setattr(sa.engine.Connection, "commit", lost)

    done = house.another(armed).enrol("A", "ann", RED)
    monkeypatch.undo()
    assert (house.people.find("A"), house.colours("A")) == (done.person, [RED])


def test_a_commit_that_failed_is_155_and_the_upload_can_be_enrolled_again(
    where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(where, tmp_path)

    def failed(_connection: sa.engine.Connection) -> None:
        raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

    def armed(step: str) -> None:
        if step == "ready to commit":
            monkeypatch.setattr(sa.engine.Connection, "commit", failed)

    upload = house.upload("A", RED)
    assert code_of(lambda: house.another(armed).enrol("A", "ann", RED, upload=upload)) is Code.DB_DOWN
    monkeypatch.undo()
    assert (house.people.find("A"), house.colours("A")) == (None, None)
    assert house.enrol("A", "ann", RED, upload=upload).existed is False


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_155(where: Where, tmp_path: Path, content: bytes) -> None:
    house = House(where, tmp_path)
    house.database.dispose()
    for path in (tmp_path / "db").iterdir():
        path.unlink()
    (tmp_path / "db" / "faceapp.sqlite3").write_bytes(content)
    assert code_of(lambda: house.people.find("A")) is Code.DB_DOWN


def test_a_table_that_nobody_may_write_is_150(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.execute("CREATE TRIGGER no_more BEFORE INSERT ON faceapp BEGIN SELECT RAISE(ABORT, 'not allowed'); END")
    upload = house.upload("A", RED)
    with pytest.raises(Refusal) as caught:
        house.enrol("A", "ann", RED, upload=upload)
    assert (caught.value.code, caught.value.detail) == (Code.INSERT_FAILED, "not allowed")
    assert (house.files(), house.uploads.open(upload.upload_id).id) == ([], "A")


def test_a_name_never_reaches_the_text_of_a_database_error(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.execute("DROP TABLE faceapp_enrolments")
    with pytest.raises(Refusal) as caught, house.database.writing() as connection:
        connection.execute(sa.text("INSERT INTO nowhere VALUES (:name)"), {"name": "Grace Hopper"})
    assert (caught.value.code, "Grace" in str(caught.value.__cause__)) == (Code.INSERT_FAILED, False)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("1062 (23000): Duplicate entry 'RECO_ID_1' for key 'faceapp.RECO_ID'", "'...' for key 'faceapp.RECO_ID'"),
        ("1366 (22007): Incorrect string value: 'O'B\\xF0' for column 'x' at row 1", "'...' for column 'x' at row 1"),
        ("1292 (22007): Truncated incorrect DOUBLE value: 'RECO_ID_1'", "'...'"),
        ("1406 (22001): Data too long for column 'RECO_NAME' at row 1", "for column 'RECO_NAME' at row 1"),
    ],
)
def test_no_value_of_a_row_is_in_what_a_servers_error_says(said: str, kept: str) -> None:
    told = safe_message(sa.exc.DataError("INSERT", {}, Exception(said)))
    assert (told[:4], told.endswith(f" {kept}")) == (said[:4], True)
    assert not any(value in told for value in ("RECO_ID_1", "O'B"))


def test_a_writer_that_fails_leaves_no_transaction_open(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)

    def fail() -> None:
        with house.database.writing() as connection:
            house.people.insert(connection, "A", "ann", "ann-A")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert house.people.find("A") is None
    with house.database.writing() as connection:
        house.people.insert(connection, "A", "ann", "ann-A")
    assert house.people.find("A") is not None


def test_making_the_tables_twice_changes_nothing(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "ann", RED)
    initialise(where.uri, PeopleNames())
    assert (house.colours("A"), house.enrolments.version()) == ([RED], 1)


def test_one_at_a_time_makes_a_file_as_sqlite_does_not_wait_for_its_change_to_wal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free: list[bool] = []

    def opened(path: Path, mode: str) -> sqlite3.Connection:
        with files.locked(tmp_path / ".new.sqlite.lock") as acquired:
            free.append(acquired)
        return open_sqlite(path, mode)

    monkeypatch.setattr("db.initialise.open_sqlite", opened)
    for _ in range(2):
        initialise(f"sqlite:///{tmp_path / 'new.sqlite'}", PeopleNames())
    assert (free, [path.name for path in tmp_path.iterdir()]) == ([False], ["new.sqlite"])


def test_a_new_database_under_a_running_server_empties_the_gallery(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "ann", RED)
    assert house.colours("A") == [RED]
    (tmp_path / "db").rename(tmp_path / "old")
    initialise(where.uri, PeopleNames())
    assert (house.colours("A"), list(house.gallery.snapshot().ids)) == (None, [])


@pytest.mark.parametrize(
    ("uri", "address"),
    [("db.example", ("db.example", 3306)), ("10.0.0.1:3307", ("10.0.0.1", 3307)), ("[::1]:1", ("::1", 1))],
)
def test_a_server_is_host_or_host_and_port(uri: str, address: tuple[str, int]) -> None:
    assert server_address(uri) == address


@pytest.mark.parametrize(
    "uri", ["", "host/x", "user@host", "host:port", "host:99999", "sqlite://", "sqlite:///:memory:"]
)
def test_other_addresses_are_refused(uri: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        make_engine(uri)


def test_the_password_is_in_no_text_of_the_engine() -> None:
    engine = make_engine("127.0.0.1:1", "somebody", "S3cret!word", "faceapp")
    assert "S3cret" not in repr(engine)
    with pytest.raises(Refusal) as caught, Database(engine).reading():
        pass
    assert (caught.value.code, "S3cret" in str(caught.value)) == (Code.DB_DOWN, False)


def test_names_are_kept_lower_case_and_shown_with_capitals() -> None:
    assert stored_name("Grace B. Hopper") == "grace_b._hopper"
    assert shown_name(Person(1, "A", stored_name("Ærøskøbing O'Neil"), "a")) == "Ærøskøbing O'neil"


def test_only_what_a_later_commit_makes_durable_is_not_synced_at_once(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    for synced, setting in ((False, 1), (True, 2)):  # NORMAL, FULL
        with house.database.writing(synced=synced) as connection:
            assert connection.execute(sa.text("PRAGMA synchronous")).scalar() == setting


def test_all_pooled_connections_to_sqlite_together_keep_little_of_the_database(where: Where, tmp_path: Path) -> None:
    engine = House(where, tmp_path).database.engine
    with engine.connect() as connection:
        cache = connection.execute(sa.text("PRAGMA cache_size")).scalar_one()
    assert isinstance(engine.pool, sa.QueuePool)
    assert -4096 <= engine.pool.size() * cache < 0  # in KiB where it is negative, in pages otherwise
