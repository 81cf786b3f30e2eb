"""What maintenance removes: what a killed process left, and uploads that have come to their end."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap import maintenance
from bootstrap.container import ServiceContainer
from bootstrap.maintenance import clean_up
from codes_dict import Code, Outcome, Refusal
from db import files
from db.acceptances import Acceptances
from db.uploads import dated_by
from pipeline.ports import AuditEvent
from tests.db_house import GREEN, RED, House, Where, die_at
from tests.processes import ended, started

NOW = 1_000_000_000.0
HOUR = 3600


@pytest.fixture
def house(where: Where, tmp_path: Path) -> House:
    return House(where, tmp_path)


def clean(house: House, now: float = NOW, *, sweeping: bool = False) -> None:
    settings: Any = SimpleNamespace(upload_ttl=24, selected_models=("Colour", "Bright-ness"))
    records: Any = SimpleNamespace(
        database=house.database,
        kept=house.kept,
        forgetting=house.forgetting,
        enrolments=house.enrolments,
        uploads=house.uploads,
        gallery=house.shelf,
        acceptances=Acceptances(house.database, house.audit),
    )
    clean_up(settings, records, sweeping, lambda: now)


def made_at(path: Path, when: float) -> None:
    os.utime(path, (when, when))


def test_uploads_are_kept_for_upload_ttl_and_what_was_enrolled_of_them_stays(house: House) -> None:
    enrolled, unused = house.upload("A", RED), house.upload("A", GREEN)
    house.enrol("A", "Ann", RED, upload=enrolled)
    for path in (house.uploads.root / f"{enrolled.upload_id}_UPLOADED_TO_DB", unused.folder):
        made_at(dated_by(path), NOW)
    clean(house, NOW + 24 * HOUR)
    assert house.uploads.open(unused.upload_id).load()
    clean(house, NOW + 24 * HOUR + 1)
    assert list(house.uploads.root.iterdir()) == []
    assert house.colours("A") == [RED]
    with pytest.raises(Refusal):
        house.uploads.open(unused.upload_id)


def enrol_dying_while_writing(where: Where, folder: Path) -> None:
    house = House(where, folder, step=die_at("segments written"), prepared=True)
    files.part_of(house.root / "gallery.pkl").write_bytes(b"half")
    real = files.part_of

    def keep_a_part(path: Path) -> Path:
        part = real(path)
        if path.suffix == ".png":
            path.parent.mkdir(exist_ok=True, parents=True)
            part.with_name(part.name.replace(".png.", ".png.png.")).write_bytes(b"half")
        return part

    files.part_of = keep_a_part
    house.enrol("A", "Ann", RED)


@pytest.mark.slow
def test_the_files_of_a_killed_enrolment_go_at_the_next_maintenance(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.enrol("B", "Bea", GREEN)
    before = house.files()
    assert ended(started(enrol_dying_while_writing, where, tmp_path)) == [-signal.SIGKILL]
    left = [name for name in house.files() if name.endswith(".part")]
    assert len(left) > 2
    clean(house)
    assert house.files() == before


def test_a_person_whose_row_was_deleted_by_hand_is_gone_after_the_next_sweep(house: House) -> None:
    house.enrol("A", "Ann", RED)
    house.enrol("B", "Bea", GREEN)
    house.execute("DELETE FROM faceapp WHERE RECO_ID = 'A'")
    clean(house, sweeping=True)
    assert (house.colours("A"), house.colours("B")) == (None, [GREEN])
    assert not [name for name in house.files() if name.startswith("ann-A")]
    assert [path.name[0] for path in house.uploads.root.iterdir()] == ["B"]


@pytest.mark.parametrize("fault", [Refusal(Code.NO_SPACE), PermissionError(13, "x"), ValueError("unexpected")])
def test_a_step_that_fails_keeps_no_other_one(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    def fail(*_: object) -> int:
        raise fault

    upload = house.upload("A", RED)
    made_at(dated_by(upload.folder), NOW - 25 * HOUR)
    monkeypatch.setattr(house.forgetting, "finish_all", fail)
    clean(house)
    assert (list(house.uploads.root.iterdir()), len(caplog.records)) == ([], 1)


def test_an_acceptance_stays_as_long_as_its_upload(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    upload, accepted = house.upload("A", RED), Acceptances(house.database, house.audit, lambda: NOW - 25 * HOUR)
    made_at(dated_by(upload.folder), NOW - 25 * HOUR)
    accepted.accept(upload.upload_id, Outcome(Code.VERIFIED, {}), AuditEvent("verify", "A", 200))
    with monkeypatch.context() as patched:
        patched.setattr(house.uploads, "_remove", lambda _: (_ for _ in ()).throw(OSError(5, "x")))
        clean(house)
        assert accepted.of(upload.upload_id)
    clean(house)
    assert accepted.of(upload.upload_id) is None


def test_where_most_rows_are_gone_nobody_is_forgotten(house: House, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(11):
        house.enrol(f"A{number}", "Ann", RED)
    house.execute("DELETE FROM faceapp")
    before = house.files()
    clean(house, sweeping=True)
    assert house.files() == before
    assert "11 of 11 enrolled people have no row: check SQL_TABLE" in caplog.text


class SlowContainer:
    """Becomes ready at the second attempt, after an unexpected fault at the first."""

    def __init__(self) -> None:
        self.attempts = 0

    def ready(self) -> bool:
        """Tell whether it is."""
        return self.attempts >= 2

    def warm(self) -> None:
        """Fail once."""
        self.attempts += 1
        if self.attempts == 1:
            raise ModuleNotFoundError("No module named 'x'")

    def current_records(self) -> AbstractContextManager[None]:
        """Have none."""
        return nullcontext()


def test_a_server_that_becomes_ready_later_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "PAUSE_S", 0.001)
    container, said = SlowContainer(), threading.Event()
    times: list[int] = []

    def on_ready() -> None:
        times.append(container.attempts)
        said.set()

    works = maintenance.Maintenance(cast(ServiceContainer, container), on_ready)
    works.start()
    assert said.wait(20)
    works.stop()
    assert (times, container.attempts) == ([2], 2)


def resident() -> int:
    """Return the bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_each_round_gives_back_what_was_freed_between_blocks_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = [b"1" * 60_000 for _ in range(2_000)]
    before, in_use, done = resident(), blocks[::20], threading.Event()
    del blocks

    def ready() -> bool:
        done.set()
        return True

    monkeypatch.setattr(maintenance, "PAUSE_S", 0.001)
    container = SimpleNamespace(current_records=nullcontext, ready=ready)
    works = maintenance.Maintenance(cast(ServiceContainer, container))
    works.start()
    assert done.wait(20)
    works.stop()
    assert before - resident() > 80_000_000
    assert len(in_use) == 100
