"""The audit: every edit, gap and cut shows, nothing names a person, and what is not recorded does not happen."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codes_dict import Code, Refusal
from db.acceptances import Acceptances
from db.installation import PSEUDONYMS, own_key
from pipeline.ports import AuditEvent
from security.audit import ASKER, START, Asker, Head
from security.audit_check import Findings, check
from security.receipts import receipt_name
from tests.db_house import BLUE, GREEN, RED, House, Where, die_at, raise_at, reply
from tests.processes import ended, started

ID, NAME = "RECO-ID_77", "Zebulon Quartermaine"


@pytest.fixture
def house(where: Where, tmp_path: Path) -> Iterator[House]:
    made = House(where, tmp_path)
    yield made
    made.database.dispose()


def findings(house: House, *pinned: Head) -> Findings:
    trail = house.audit
    return check(trail.key(), trail.head(), trail.lines(), pinned)


def audit_file(house: House) -> Path:
    [path] = (house.folder / "audit").iterdir()
    return path


def live(house: House) -> None:
    """Enrol, verify and add."""
    house.enrol(ID, NAME, RED, outcome=reply)
    house.audit.record(AuditEvent("verify", ID, 500, {"stages": [{"name": "compare", "in": 1, "out": 0}]}))
    house.enrol(ID, NAME, GREEN, outcome=reply)
    house.audit.record(AuditEvent("verify", "Other", 200))


def test_what_happened_is_there_in_its_order_with_who_asked_and_without_the_person(house: House) -> None:
    token = ASKER.set(Asker("ab12cd34", "request-1"))
    live(house)
    ASKER.reset(token)
    found = findings(house)
    assert (found.faults, found.uncounted) == ([], [])
    assert [(one["n"], one["action"], one["code"]) for one in found.chain] == [
        (1, "enrol", 800), (2, "verify", 500), (3, "enrol", 800), (4, "verify", 200),
    ]  # fmt: skip
    assert {(one["who"], one["request"]) for one in found.chain} == {("ab12cd34", "request-1")}
    subjects = [one["subject"] for one in found.chain]
    assert subjects[:3] == [house.audit.subject(ID)] * 3
    assert len(set(subjects)) == 2
    text = audit_file(house).read_text()
    assert not any(word in text for word in (ID, NAME, "zebulon", "Other"))
    assert audit_file(house).stat().st_mode & 0o777 == 0o600


def without(lines: list[str], number: int) -> list[str]:
    return lines[:number] + lines[number + 1 :]


def edited(lines: list[str], number: int) -> list[str]:
    entry = json.loads(lines[number])
    return [*lines[:number], json.dumps({**entry, "code": 134}) + "\n", *lines[number + 1 :]]


TAMPERINGS: dict[str, Callable[[list[str]], list[str]]] = {
    "the first line is gone": lambda lines: without(lines, 0),
    "a line is gone": lambda lines: without(lines, 1),
    "the last line is gone": lambda lines: without(lines, 3),
    "all lines are gone": lambda _lines: [],
    "a code is changed": lambda lines: edited(lines, 1),
    "the last line is changed": lambda lines: edited(lines, 3),
    "a line is there twice": lambda lines: [*lines, lines[1]],
    "half a line is gone": lambda lines: [*lines[:2], lines[2][:40] + "\n", lines[3]],
    "two lines are joined": lambda lines: [lines[0].strip() + lines[1], *lines[2:]],
    "a line of another server is added": lambda lines: [*lines, lines[3].replace('"n":4', '"n":5')],
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_every_edit_gap_and_cut_shows(house: House, tampering: str) -> None:
    live(house)
    path = audit_file(house)
    path.write_text("".join(TAMPERINGS[tampering](path.read_text().splitlines(keepends=True))))
    assert findings(house).faults != []


def test_any_changed_byte_shows(house: House) -> None:
    live(house)
    path = audit_file(house)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert findings(house).faults != [], whole[place - 10 : place + 10]
    path.write_bytes(whole)
    assert findings(house).faults == []


def test_a_head_kept_elsewhere_shows_that_file_and_database_were_both_cut(house: House) -> None:
    live(house)
    kept = Head.parse(f"{house.audit.head()}\n")
    before = findings(house).chain[1]
    house.execute(f"UPDATE faceapp_audit SET count = 2, mac = '{before['mac']}'")
    path = audit_file(house)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    assert findings(house).faults == []
    assert findings(house, kept).faults == ["entry 4 is not the one that was noted: entries were replaced or removed"]
    assert findings(house, Head(2, before["mac"])).faults == []


@pytest.mark.parametrize("text", ["", "4", "4:ab", f"-1:{START}", f"\u0664:{START}"])
def test_a_head_is_read_strictly(text: str) -> None:
    with pytest.raises(ValueError, match="a head is"):
        Head.parse(text)


def record_many(where: Where, folder: Path, count: int) -> None:
    house = House(where, folder, prepared=True)
    for number in range(count):
        house.audit.record(AuditEvent("verify", f"A{number % 3}", 500))


@pytest.mark.slow
def test_processes_that_write_at_once_make_one_chain(house: House) -> None:
    house.audit.key()
    assert ended(*[started(record_many, house.where, house.folder, 8) for _ in range(3)]) == [0] * 3
    found = findings(house)
    assert (found.faults, found.uncounted, len(found.chain)) == ([], [], 24)
    assert len({one["subject"] for one in found.chain}) == 3


def test_servers_with_folders_of_their_own_share_a_chain(house: House, tmp_path: Path) -> None:
    other = House(house.where, tmp_path / "elsewhere", prepared=True)
    for trail in (house.audit, other.audit, house.audit):
        trail.record(AuditEvent("verify", ID, 200))
    assert findings(house).faults == ["entries 2 to 2 are missing"]
    lines = house.audit.lines(tmp_path / "elsewhere" / "audit")
    assert check(house.audit.key(), house.audit.head(), lines).faults == []
    other.database.dispose()


def record_dying(where: Where, folder: Path) -> None:
    house = House(where, folder, step=die_at("ready to commit"), prepared=True)
    house.enrol(ID, NAME, RED, outcome=reply)


@pytest.mark.slow
def test_an_entry_whose_enrolment_was_killed_before_its_commit_does_not_count(house: House) -> None:
    house.database.dispose()
    assert ended(started(record_dying, house.where, house.folder)) == [-signal.SIGKILL]
    with audit_file(house).open("a") as file:
        file.write('{"n":2,"act')
    live(house)
    found = findings(house)
    assert (found.faults, len(found.chain), len(found.uncounted)) == ([], 4, 2)
    assert house.colours(ID) == [RED, GREEN]


def test_an_enrolment_that_fails_is_not_counted(house: House) -> None:
    with pytest.raises(OSError, match="made to fail"):
        house.another(raise_at("ready to commit")).enrol(ID, NAME, RED, outcome=reply)
    assert (house.audit.head(), findings(house).faults) == (Head(), [])


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let writes to the audit stop half-way, as on a full disk."""
    write = os.write

    def half(handle: int, data: bytes) -> int:
        if b'"prev"' in data:
            write(handle, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data)

    monkeypatch.setattr(os, "write", half)


def test_on_a_full_disk_nothing_happens_and_afterwards_everything_works(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(house)
    upload = house.upload(ID, BLUE)
    accepting = Acceptances(house.database, house.audit)
    works: list[Callable[[], Any]] = [
        lambda: house.audit.record(AuditEvent("verify", ID, 500)),
        lambda: house.enrol(ID, NAME, BLUE, upload=upload, outcome=reply),
        lambda: accepting.accept(upload.upload_id, reply(house.enrol("B", "b", RED)), AuditEvent("verify", ID, 200)),
        lambda: house.forgetting.forget(ID),
    ]
    fill_the_disk(monkeypatch)
    for work in works:
        with pytest.raises(Refusal) as caught:
            work()
        assert caught.value.code is Code.NO_SPACE
    assert (house.audit.head().count, accepting.of(upload.upload_id), house.colours(ID)) == (4, None, [RED, GREEN])
    monkeypatch.undo()
    assert house.enrol(ID, NAME, BLUE, upload=upload, outcome=reply).existed
    assert (findings(house).faults, house.audit.head().count) == ([], 5)


def test_forgetting_is_recorded_and_nobody_can_tell_any_more_whom_the_entries_mean(house: House) -> None:
    live(house)
    subject = house.audit.subject(ID)
    house.forgetting.forget(ID)
    found = findings(house)
    last = found.chain[-1]
    assert (found.faults, last["action"], last["subject"], last["code"]) == ([], "forget", subject, 101)
    assert (last["about"]["removed"]["rows"], last["about"]["receipt"]) == (
        1,
        receipt_name(own_key(house.database, PSEUDONYMS), ID),
    )
    assert house.audit.subject(ID) == ""
    house.audit.record(AuditEvent("verify", ID, 500))
    assert house.audit.subject(ID) not in ("", subject)
    assert house.forgetting.forget(ID) is None
    assert house.audit.subject(ID) == ""
