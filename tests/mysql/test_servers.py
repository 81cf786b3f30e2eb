"""What only a server can do: go away, hang, forbid, equate letter case, and make tables for several at once."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codes_dict import Code, Refusal
from db.initialise import initialise
from db.migrations.upgrade import upgrade
from db.schema import PeopleNames
from db.session import Database, make_engine
from tests.db_house import BLUE, GREEN, RED, House, Where
from tests.mysql.conftest import execute
from tests.processes import ended, started
from tests.servers import DatabaseServer
from tools.installation.ports import free_port


def code_of(work: Callable[[], object]) -> Code | None:
    try:
        work()
    except Refusal as refusal:
        return refusal.code
    return None


@contextmanager
def account(house: House, rights: str) -> Iterator[Where]:
    """Make a user with rights on the schema alone."""
    name = f"u{house.where.schema[-12:]}"
    for statement in (
        f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'S3cret!word'",
        f"GRANT {rights} TO {name}@'127.0.0.1'",
    ):
        house.execute(statement)
    yield Where(house.where.uri, name, "S3cret!word", house.where.schema)
    house.execute(f"DROP USER {name}@'127.0.0.1'")


def test_a_server_that_stops_is_155_and_the_next_request_after_it_is_back_works(
    where: Where, server: DatabaseServer, tmp_path: Path
) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "ann", RED)
    upload = house.upload("B", GREEN)
    before = house.files()
    server.stop()
    try:
        codes = [
            code_of(lambda: house.people.find("A")),
            code_of(house.gallery.snapshot),
            code_of(lambda: house.enrol("B", "bea", GREEN, upload=upload)),
        ]
    finally:
        server.start()
    assert (codes, house.files()) == ([Code.DB_DOWN] * 3, before)
    house.enrol("B", "bea", GREEN, upload=upload)
    assert (house.colours("A"), house.colours("B")) == ([RED], [GREEN])


@pytest.mark.parametrize("step", ["segments written", "row saved", "ready to commit"])
def test_a_server_that_stops_in_the_middle_leaves_the_old_state(
    where: Where, server: DatabaseServer, tmp_path: Path, step: str
) -> None:
    house = House(where, tmp_path)
    first = house.enrol("A", "ann", RED)
    upload = house.upload("A", GREEN)

    def stops(name: str) -> None:
        if name == step:
            server.stop()

    broken = house.another(stops)
    try:
        code = code_of(lambda: broken.enrol("A", "ann b", GREEN, in_place=True, upload=upload))
    finally:
        server.start()
    assert (code, house.people.find("A"), house.colours("A")) == (Code.DB_DOWN, first.person, [RED])
    broken_again = house.another()
    broken_again.enrol("A", "ann b", GREEN, in_place=True, upload=upload)
    assert house.colours("A") == [GREEN]


def test_a_server_that_accepts_and_says_nothing_is_155(mute: str) -> None:
    database = Where(mute, "root").database(connect_timeout=1)
    assert code_of(lambda: database.reading().__enter__()) is Code.DB_DOWN


def test_a_port_that_nobody_listens_on_is_155() -> None:
    database = Where(f"127.0.0.1:{free_port()}", "root").database()
    assert code_of(lambda: database.reading().__enter__()) is Code.DB_DOWN


@pytest.fixture
def mute() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_ids_compare_byte_for_byte_in_a_table_with_the_default_collation(where: Where, tmp_path: Path) -> None:
    House(where, tmp_path).execute(
        "CREATE TABLE old (ID INTEGER PRIMARY KEY AUTO_INCREMENT, RECO_ID VARCHAR(64), RECO_NAME VARCHAR(64), "
        "RECO_PATH VARCHAR(200)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    )
    house = House(where, tmp_path, names=PeopleNames(table="old"), prepared=True)
    first = house.enrol("RECO_ID_1", "ann", RED)
    second = house.enrol("reco_id_1", "bea", GREEN)
    house.enrol("reco_id_1", "cid", BLUE, in_place=True)
    assert (first.existed, second.existed, first.person.key == second.person.key) == (False, False, False)
    assert house.people.find("RECO_ID_1") == first.person
    assert [house.people.find(name) for name in ("Reco_ID_1", "RECO_ID_1 ", "R\u00c9CO_ID_1")] == [None] * 3
    assert (house.colours("RECO_ID_1"), house.colours("reco_id_1")) == ([RED], [BLUE])


def test_our_own_table_keeps_ids_apart_that_differ_by_a_trailing_space(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    with house.database.writing() as connection:
        keys = [house.people.insert(connection, name, "ann", "x").key for name in ("A", "A ", "a")]
    assert len(set(keys)) == 3


def test_a_unique_index_that_equates_two_ids_is_150(where: Where, tmp_path: Path) -> None:
    House(where, tmp_path).execute(
        "CREATE TABLE old (ID INTEGER PRIMARY KEY AUTO_INCREMENT, RECO_ID VARCHAR(64) UNIQUE, RECO_NAME VARCHAR(64), "
        "RECO_PATH VARCHAR(200)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    )
    house = House(where, tmp_path, names=PeopleNames(table="old"), prepared=True)
    house.enrol("A", "ann", RED)
    files = house.files()
    assert code_of(lambda: house.enrol("a", "bea", GREEN)) is Code.INSERT_FAILED
    assert (house.files(), house.people.find("a")) == (files, None)


def test_a_user_who_may_only_read_gets_150_and_can_still_be_read_for(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "ann", RED)
    with account(house, f"SELECT ON {where.schema}.*") as reader:
        reading = House(reader, tmp_path, prepared=True)
        files = reading.files()
        assert code_of(lambda: reading.enrol("B", "bea", GREEN)) is Code.INSERT_FAILED
        assert (reading.files(), reading.colours("A")) == (files, [RED])
        reading.database.dispose()


def test_a_wrong_password_and_an_unknown_schema_are_155(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    with account(house, f"SELECT ON {where.schema}.*") as reader:
        wrong = Where(reader.uri, reader.user, "another", reader.schema)
        unknown = Where(where.uri, where.user, where.password, "not_there")
        for bad in (wrong, unknown):
            assert code_of(House(bad, tmp_path, prepared=True).gallery.snapshot) is Code.DB_DOWN


def test_a_user_who_may_not_make_schemas_can_make_the_tables_in_one(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    with account(house, f"SELECT, INSERT, UPDATE, CREATE ON {where.schema}.*") as user:
        initialise(user.uri, PeopleNames(table="mine"), user.user, user.password, user.schema)
        mine = House(user, tmp_path, names=PeopleNames(table="mine"), prepared=True)
        assert mine.enrol("A", "ann", RED).person.key == 1
        mine.database.dispose()


def test_a_user_who_may_not_create_tables_cannot_add_the_missing_ones(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.execute("DROP TABLE faceapp_names")
    house.execute("DROP TABLE faceapp_migrations")
    with account(house, f"SELECT, INSERT, UPDATE ON {where.schema}.*") as user:
        database = user.database()
        assert code_of(lambda: upgrade(database)) is Code.DB_DOWN
        database.dispose()
    upgrade(house.database)
    assert house.enrol("A", "Ann O'Neil", RED).person.given_name == "Ann O'Neil"


def _initialise(where: Where) -> None:
    initialise(where.uri, PeopleNames(), where.user, where.password, where.schema)


def test_several_processes_can_make_schema_and_tables_at_once(where: Where) -> None:
    new = where.fresh()
    statuses = ended(*[started(_initialise, new) for _ in range(4)])
    execute(new, f"DROP DATABASE {new.schema}")
    assert statuses == [0] * 4


def test_a_name_in_any_script_is_kept(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    done = house.enrol("A", "\u738b \U0001f600 O'Neil; DROP TABLE faceapp", RED)
    assert house.people.find("A") == done.person
    assert done.person.name == "\u738b_\U0001f600_o'neil;_drop_table_faceapp"


def test_a_lock_held_too_long_is_155_and_not_a_wait_for_ever(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "ann", RED)
    quick = Database(make_engine(where.uri, where.user, where.password, where.schema))
    with house.database.writing() as holder:
        house.enrolments.lock(holder, "A")

        def wait() -> None:
            with quick.writing() as waiter:
                waiter.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")
                house.enrolments.lock(waiter, "A")

        assert code_of(wait) is Code.DB_DOWN
    quick.dispose()
