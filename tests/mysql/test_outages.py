"""A database that is stopped and started again and again under load: correct codes, no restart, nothing lost."""

from __future__ import annotations

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codes_dict import Code, Refusal
from security.audit_check import check
from tests.db_house import Colour, House, Where
from tests.servers import DatabaseServer, RealMySQL

OUTAGES = int(os.environ.get("FACEAPP_OUTAGES", "1"))
"""How often; 20 for the full size."""
CLIENTS = 4
WORKING = 12
"""Enrolments that have to succeed between two outages, so that there is load."""


class Load:
    """Clients that enrol new people and look for them, until they are stopped."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.acknowledged: dict[str, Colour] = {}
        self.refused: Counter[Code] = Counter()
        self.is_over = threading.Event()
        self._progress = threading.Semaphore(0)

    def work(self, client: int) -> None:
        """Enrol and look."""
        number = 0
        while not self.is_over.is_set():
            number += 1
            person_id, colour = f"{client}x{number}", (client * 50, number % 250, number // 250)
            try:
                self.house.enrol(person_id, "Ann", colour)
                self.acknowledged[person_id] = colour
                self._progress.release()
                assert self.house.people.find(person_id) is not None
            except Refusal as refusal:
                self.refused[refusal.code] += 1
                self.is_over.wait(0.05)

    def wait_for(self, enrolments: int) -> None:
        """Wait until so many more were acknowledged."""
        for _ in range(enrolments):
            assert self._progress.acquire(timeout=120)


@pytest.mark.slow
def test_outages_under_load_lose_nothing_that_was_acknowledged(
    where: Where, server: DatabaseServer, tmp_path: Path
) -> None:
    if OUTAGES == 1 and isinstance(server, RealMySQL):
        pytest.skip("once with MariaDB is enough; FACEAPP_OUTAGES=20 stops both")
    load = Load(House(where, tmp_path))
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(load.work, number) for number in range(CLIENTS)]
        try:
            for _ in range(OUTAGES):
                load.wait_for(WORKING)
                server.stop()
                server.start()
                load.wait_for(CLIENTS + 1)
        finally:
            load.is_over.set()
        for one in clients:
            one.result()
    house = load.house
    assert set(load.refused) == {Code.DB_DOWN}
    house.forgetting.finish_all()
    house.recover()
    assert {one: house.colours(one) for one in load.acknowledged} == {
        one: [colour] for one, colour in load.acknowledged.items()
    }
    found = check(house.audit.key(), house.audit.head(), house.audit.lines())
    assert found.faults == []
    on_disk = {name.split("/")[0] for name in house.files() if "/source/" in name}
    assert len(on_disk) == len(house.people.all())
