"""Log names: keyed with the person's own key, the beginning of the audit's, and gone with the person."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from db.audit import subject_key
from pipeline.ports import AuditEvent
from pipeline.pseudonym import log_name, pseudonym, upload_pseudonym, use_keys
from tests.db_house import RED, House, Where


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    use_keys(partial(subject_key, made.database))
    yield made
    use_keys(lambda _id, _draw: None)
    made.database.dispose()


def test_the_log_s_name_is_the_beginning_of_the_audit_s(house: House) -> None:
    name = pseudonym("A-1", draw=True)
    house.audit.record(AuditEvent("verify", "A-1", 500))
    assert log_name(house.audit.subject("A-1")) == name == pseudonym("A-1")
    assert len({name, pseudonym("A-2", draw=True), upload_pseudonym("A-1-0"), upload_pseudonym("A-1-1")}) == 4


def test_a_name_goes_with_the_person_whom_nobody_can_find_by_it_afterwards(house: House) -> None:
    house.enrol("A", "Ann", RED)
    before = pseudonym("A", draw=True), upload_pseudonym("A-0")
    house.forgetting.forget("A")
    house.enrol("A", "Ann", RED)
    assert not {*before} & {pseudonym("A", draw=True), upload_pseudonym("A-0")}


def test_reading_draws_no_key_and_what_cannot_be_an_id_has_none(house: House) -> None:
    names = [pseudonym("Stranger"), *(pseudonym(text, draw=True) for text in ("", ".x", "é", "\udcff", "x" * 65))]
    assert len(set(names)) == 6
    with house.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM faceapp_audit_subjects").scalar() == 0


def test_while_the_database_is_away_a_name_is_the_process_s_own(house: House, where: Where) -> None:
    assert pseudonym("A", draw=True) == pseudonym("A")
    known = pseudonym("A")
    use_keys(partial(subject_key, Where("sqlite:////nowhere/db.sqlite3").database()))
    assert pseudonym("A", draw=True) != known
    assert subject_key(house.database, "A", False) is not None
