"""A disk that is really full, a process without file handles, a clock that jumps: refused, nothing half done."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from codes_dict import Code, Refusal
from db.audit import AuditTrail
from pipeline.ports import AuditEvent
from security.audit_check import check
from tests.db_house import GREEN, RED, WHITE, House, Where
from tests.processes import ended, started

DAY_S = 86_400.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 300 KiB; skips where none can be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk can be mounted by root alone, outside of most containers")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def test_a_full_disk_refuses_uploads_and_enrolments_and_keeps_what_was_there(where: Where, small_disk: Path) -> None:
    house = House(where, small_disk)
    house.enrol("A", "Ann", RED)
    upload = house.upload("B", GREEN)
    before, filler = house.files(), small_disk / "filler"
    fill(filler)
    for work in (lambda: house.enrol("B", "Bea", GREEN, upload=upload), lambda: house.upload("C", WHITE)):
        with pytest.raises(Refusal) as caught:
            work()
        assert caught.value.code is Code.NO_SPACE
    assert (house.colours("A"), house.people.find("B"), house.files()) == ([RED], None, before)
    filler.unlink()
    house.enrol("B", "Bea", GREEN, upload=upload)
    assert (house.colours("A"), house.colours("B")) == ([RED], [GREEN])
    house.database.dispose()


def work_without_handles(where: Where, folder: Path, upload_id: str) -> None:
    """Enrol and upload with no file handle left, then with some; for `tests.processes`."""
    house = House(where, folder, prepared=True)
    upload = house.uploads.open(upload_id)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (max(int(one.name) for one in Path("/proc/self/fd").iterdir()) + 1, hard)
    )
    handles = []
    with suppress(OSError):
        while True:
            handles.append(os.open("/dev/null", os.O_RDONLY))
    codes = set()
    for work in (lambda: house.enrol("B", "Bea", GREEN, upload=upload), lambda: house.upload("C", WHITE)):
        try:
            work()
        except Refusal as refusal:
            codes.add(refusal.code)
    for handle in handles:
        os.close(handle)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    assert codes <= {Code.NO_SPACE, Code.DB_DOWN}
    assert codes
    house.enrol("B", "Bea", GREEN, upload=upload)
    assert (house.colours("A"), house.colours("B")) == ([RED], [GREEN])


@pytest.mark.slow
def test_without_file_handles_requests_are_refused_and_work_again_afterwards(where: Where, tmp_path: Path) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "Ann", RED)
    upload = house.upload("B", GREEN)
    assert ended(started(work_without_handles, where, tmp_path, upload.upload_id)) == [0]
    assert (house.colours("A"), house.colours("B")) == ([RED], [GREEN])


@pytest.mark.parametrize("suffix", [".pkl", ".png", ".json"])
def test_what_may_not_be_read_is_157_and_named_by_no_name(
    where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    house = House(where, tmp_path)
    house.enrol("A", "Ann", RED)
    if suffix != ".pkl":
        house.gallery.delete_pickles()
    opened = Path.open

    def refuse(path: Path, *how: Any, **more: Any) -> Any:
        if path.suffix == suffix:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *how, **more)

    other = house.another()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        with pytest.raises(Refusal) as caught:
            other.shelf.snapshot()
    assert (caught.value.code, "Permission denied" in str(caught.value)) == (Code.NO_SPACE, True)
    assert "ann" not in str(caught.value)
    assert house.another().colours("A") == [RED]
    house.database.dispose()


def test_a_clock_that_jumps_back_and_forth_leaves_the_audit_whole(where: Where, tmp_path: Path) -> None:
    house, times = House(where, tmp_path), iter([1e9, 1e9 - 400 * DAY_S, 1e9 + 4000 * DAY_S, 1e9 + 1])
    trail = AuditTrail(house.database, tmp_path / "audit", clock=lambda: next(times))
    for number in range(4):
        trail.record(AuditEvent("verify", "A", 200 + number))
    found = check(trail.key(), trail.head(), trail.lines())
    assert (found.faults, found.uncounted) == ([], [])
    assert [one["code"] for one in found.chain] == [200, 201, 202, 203]
