"""Consent references and retention dates: read strictly, kept, and honoured. On servers in tests/mysql."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from codes_dict import Code, Refusal
from db.forgetting import ForgettingUnit
from db.people import terms_of
from pipeline.ports import EnrolmentRequest, Terms
from pipeline.stages.terms import check_terms
from tests.db_house import RED, House, Where

TODAY = date(2026, 11, 26)
DAY_S = 86_400
END = 1_795_737_600
"""The first second after TODAY."""


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    yield made
    made.database.dispose()


def read(consent: str | None = None, until: str | None = None) -> Terms | None:
    return check_terms(consent, until, Code.BAD_ENROL_KEYS, TODAY)


def test_what_is_sent_is_read() -> None:
    assert (read(), read("", "")) == (None, Terms())
    assert read(" form 17/2026 \u674e ", "2026-11-26") == Terms("form 17/2026 \u674e", END)
    assert read(until="2026-11-27") == Terms("", END + DAY_S)


@pytest.mark.parametrize(
    "until",
    ["2026-11-25", "26.11.2026", "20261126", "2026-W48-4", "2026-02-30", "9999-12-31", "\u0662026-11-27", "x"],
)
def test_a_day_that_is_none_or_over_is_108_with_the_field(until: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(until=until)
    assert (caught.value.code, caught.value.field) == (Code.BAD_ENROL_KEYS, "retain_until")


@pytest.mark.parametrize("consent", ["x" * 201, "a\nb", "\udcff"])
def test_a_reference_that_cannot_be_kept_is_108_with_the_field(consent: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(consent)
    assert (caught.value.code, caught.value.field) == (Code.BAD_ENROL_KEYS, "consent")


def enrol(house: House, person_id: str, terms: Terms | None) -> None:
    upload = house.upload(person_id, RED)
    house.enroller.enrol(EnrolmentRequest(person_id, "Ann", False, upload, house.faces(RED), terms=terms))


def kept(house: House, person_id: str) -> Terms | None:
    with house.database.reading() as connection:
        return terms_of(connection, person_id)


def forget_due(house: House, now: float) -> int:
    parts: Any = (house.database, house.people, house.enrolments, house.shelf, house.uploads, house.kept, house.audit)
    return ForgettingUnit(*parts, clock=lambda: now).forget_due()


def test_terms_are_kept_with_the_enrolment_and_change_only_by_what_is_sent(house: House) -> None:
    enrol(house, "A", None)
    assert kept(house, "A") is None
    enrol(house, "A", Terms("form 17", END))
    enrol(house, "A", None)
    enrol(house, "A", Terms("", END + DAY_S))
    assert kept(house, "A") == Terms("form 17", END + DAY_S)


def test_after_the_day_the_person_is_forgotten_and_nobody_else(house: House) -> None:
    sent = {"A": Terms("form 17", END), "B": Terms("", END + 1), "C": Terms("form 18"), "D": None}
    for person_id, terms in sent.items():
        enrol(house, person_id, terms)
    assert forget_due(house, END - 1) == 0
    assert forget_due(house, END) == 1
    assert [person.id for person in house.people.all()] == ["B", "C", "D"]
    assert (kept(house, "A"), house.colours("A")) == (None, None)
    assert forget_due(house, END) == 0


def test_a_clock_that_jumps_does_not_forget_everybody(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for number in range(11):
        enrol(house, f"A{number}", Terms("", END))
    assert forget_due(house, END + 10_000 * DAY_S) == 0
    assert "11 of 11 enrolled people are past their retention date: check the clock" in caplog.text
    assert len(house.people.all()) == 11


def test_terms_of_somebody_whose_row_was_deleted_by_hand_are_not_the_next_ones(house: House) -> None:
    enrol(house, "A", Terms("form 17", END))
    house.execute("DELETE FROM faceapp")
    enrol(house, "A", None)
    assert house.people.terms("A") is None
    enrol(house, "A", Terms("form 18"))
    assert house.people.terms("A") == Terms("form 18")
