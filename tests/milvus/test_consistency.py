"""A search makes Milvus wait for what was committed, and for no more, through whichever server it came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from db.milvus import connection
from db.milvus.connection import EVERYTHING, Milvus
from db.milvus.gallery import MilvusGallery
from tests.db_house import RED, House, Where
from tests.fakes import ColourEmbedder, face_of
from tests.milvus_servers import patiently
from tools.installation.milvus_server import MilvusServer

YEAR_2027 = 1_800_000_000_000 << 18


class FakeClient:
    """A Milvus whose time is set by a test."""

    def __init__(self, now: int) -> None:
        self.now = now

    def _get_connection(self) -> FakeClient:
        return self

    def alloc_timestamp(self, timeout: float) -> int:
        return self.now


def opened(monkeypatch: pytest.MonkeyPatch, now: int) -> Milvus:
    """Return a connection to a Milvus whose time is `now`."""
    milvus, library = Milvus("http://127.0.0.1:1"), connection.library()
    fake = connection.Library(lambda *_given, **_named: FakeClient(now), library.types, library.errors)
    monkeypatch.setattr(connection, "library", lambda: fake)
    assert milvus.now() == now
    return milvus


def test_reads_wait_for_the_horizon_and_it_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    milvus = opened(monkeypatch, YEAR_2027)
    milvus.wait_for(YEAR_2027 - 5)
    milvus.wait_for(YEAR_2027 - 9)
    assert milvus.consistency() == {"consistency_level": "Customized", "guarantee_timestamp": YEAR_2027 - 5}


@pytest.mark.parametrize(
    ("now", "horizon"), [(YEAR_2027, 0), (0, YEAR_2027), (YEAR_2027, YEAR_2027 + (3_600_000 << 18))],
    ids=["nothing is known", "a Milvus without time", "the time of another Milvus"],
)  # fmt: skip
def test_where_the_horizon_says_nothing_reads_wait_for_everything(
    monkeypatch: pytest.MonkeyPatch, now: int, horizon: int
) -> None:
    milvus = opened(monkeypatch, now)
    milvus.wait_for(horizon)
    assert milvus.consistency() == EVERYTHING


def nearest(house: House) -> list[str]:
    """Return who is near red, for a process that knows nothing but what the database says."""
    assert isinstance(house.shelf, MilvusGallery)
    probe = house.models[0].embed([face_of(RED).crop])
    return sorted(house.shelf.snapshot().candidates({"Colour": probe}, "").ids)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect what each read waits for."""
    seen: list[Any] = []
    ask = Milvus.consistency

    def noted(self: Milvus) -> Any:
        seen.append(ask(self))
        return seen[-1]

    monkeypatch.setattr(Milvus, "consistency", noted)
    return seen


def test_who_is_enrolled_through_one_server_is_found_through_another_also_after_a_kill_of_milvus(
    tmp_path: Path, real_milvus: MilvusServer, waits: list[Any]
) -> None:
    where = Where(f"sqlite:///{tmp_path / 'faceapp.sqlite'}", milvus=real_milvus.uri)
    one = House(where, tmp_path, embedders=[ColourEmbedder()])
    other = House(where, tmp_path, embedders=[ColourEmbedder()], prepared=True)
    assert nearest(other) == []
    enrolled = [f"P{number}" for number in range(6)]
    for number, person in enumerate(enrolled, start=1):
        one.enrol(person, "ann", RED)
        waits.clear()
        assert nearest(other) == enrolled[:number]
        stored = one.enrolments.position().stored
        assert waits == [{"consistency_level": "Customized", "guarantee_timestamp": stored}] * len(waits)
    real_milvus.stop()
    real_milvus.start()
    another = House(where, tmp_path, embedders=[ColourEmbedder()], prepared=True)
    assert patiently(lambda: nearest(another)) == enrolled
    assert patiently(lambda: nearest(other)) == enrolled
