"""Clients that enrol at the same moment, in two processes' worth of threads: never a mix, never twice."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codes_dict import Code, Refusal
from security.audit_check import check
from tests.db_house import RED, Colour, House, Where

CLIENTS = 8
ROUNDS = int(os.environ.get("FACEAPP_ROUNDS", "2"))
"""How often; 100 for the full size."""

Client = Callable[[House, int], None]


def all_at_once(houses: list[House], work: Client) -> list[Code | None]:
    """Let every client work at the same moment; return how each was refused, None where it was not."""
    barrier = threading.Barrier(CLIENTS)

    def run(number: int) -> Code | None:
        barrier.wait(60)
        try:
            work(houses[number % len(houses)], number)
        except Refusal as refusal:
            return refusal.code
        return None

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(run, range(CLIENTS)))


def colours_of(number: int) -> tuple[Colour, Colour]:
    return (20 * number + 10, 5, 0), (20 * number + 10, 200, 0)


@pytest.fixture
def houses(where: Where, tmp_path: Path) -> list[House]:
    first = House(where, tmp_path)
    return [first, first.another()]


@pytest.mark.slow
def test_enrolments_of_one_id_at_once_are_never_mixed(houses: list[House]) -> None:
    house = houses[0]

    def replace(where: House, number: int) -> None:
        where.enrol("A", f"Client {number}", *colours_of(number), in_place=True)

    for _ in range(ROUNDS):
        assert all_at_once(houses, replace) == [None] * CLIENTS
        person = house.people.find("A")
        assert person is not None
        last = int((person.given_name or "").removeprefix("Client "))
        assert house.colours("A") == list(colours_of(last))
        on_disk = [name for name in house.files() if "/source/" in name and name.endswith(".png")]
        assert len(on_disk) == 2
        assert all(name.startswith(f"{person.path}/") for name in on_disk)
    assert check(house.audit.key(), house.audit.head(), house.audit.lines()).faults == []


@pytest.mark.slow
def test_photos_added_to_one_id_at_once_are_all_there(houses: list[House]) -> None:
    def add(where: House, number: int) -> None:
        where.enrol("A", "Ann", *colours_of(number))

    assert all_at_once(houses, add) == [None] * CLIENTS
    wanted = [colour for number in range(CLIENTS) for colour in colours_of(number)]
    assert sorted(houses[0].colours("A") or []) == sorted(wanted)
    assert len(houses[0].people.all()) == 1


@pytest.mark.slow
def test_an_upload_is_enrolled_once_however_many_send_it_at_once(houses: list[House]) -> None:
    for number in range(ROUNDS):
        upload_id = houses[0].upload(f"B{number}", RED).upload_id

        def enrol(where: House, _: int, number: int = number, upload_id: str = upload_id) -> None:
            where.enrol(f"B{number}", "Bob", RED, upload=where.uploads.open(upload_id))

        refused = all_at_once(houses, enrol)
        assert sorted(refused, key=str) == [Code.UPLOAD_GONE] * (CLIENTS - 1) + [None]
        assert houses[0].colours(f"B{number}") == [RED]
