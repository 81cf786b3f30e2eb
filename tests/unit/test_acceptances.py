"""Each upload is accepted once, whichever process is first."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from codes_dict import Code, Outcome
from db.acceptances import Acceptances
from pipeline.ports import AuditEvent
from tests.db_house import House, Where

ACCEPTED = Outcome(Code.VERIFIED, {"accepted": True, "name": "Jos\u00e9"})
FOUND = Outcome(Code.FOUND, {"accepted": True, "name": None})
ONE, OTHER = "A-" + "0" * 32, "A-" + "1" * 32


EVENT = AuditEvent("verify", "A", 200)


def acceptances_of(house: House) -> Acceptances:
    return Acceptances(house.database, house.audit)


@pytest.fixture
def house(where: Where, tmp_path: Path) -> House:
    return House(where, tmp_path)


def test_the_first_acceptance_stays_and_is_told(house: House) -> None:
    store, elsewhere = acceptances_of(house), acceptances_of(house.another())
    assert (store.of(ONE), store.accept(ONE, ACCEPTED, EVENT)) == (None, None)
    assert (elsewhere.accept(ONE, FOUND, EVENT), elsewhere.of(ONE)) == (ACCEPTED, ACCEPTED)
    assert elsewhere.accept(OTHER, FOUND, EVENT) is None


def test_acceptances_end_with_their_uploads(house: House) -> None:
    now = [1000.0]
    store = Acceptances(house.database, house.audit, lambda: now[0])
    store.accept(ONE, ACCEPTED, EVENT)
    now[0] = 2000.0
    store.accept(OTHER, FOUND, EVENT)
    assert (store.expire(1000), store.expire(1001)) == (0, 1)
    assert (store.of(ONE), store.of(OTHER)) == (None, FOUND)


def test_of_many_at_once_one_is_accepted(house: House) -> None:
    stores = [acceptances_of(house.another()) for _ in range(4)]
    answers: list[Outcome | None] = []
    start = threading.Barrier(4)

    def accept(store: Acceptances) -> None:
        start.wait()
        answers.append(store.accept(ONE, ACCEPTED, EVENT))

    threads = [threading.Thread(target=accept, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers, key=bool) == [None, ACCEPTED, ACCEPTED, ACCEPTED]
    assert house.audit.head().count == 1
