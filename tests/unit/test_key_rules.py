"""The exact bounds of keys and of the audit's entries, at each side of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest

from pipeline.ports import AuditEvent
from security.audit import START, Asker, Head, chained, mac_of, subject_of
from security.audit import digest_of as digest_of_settings
from security.audit_check import Line, check, read_line
from security.callers import SCOPES
from security.keys import DAY_S, LONGEST_LABEL, MOST_DAYS, PREFIX, KeySet, digest_of, new_key

NOW, KEY = 1_000_000, bytes(range(32))


def test_a_label_is_1_to_100_printable_characters() -> None:
    assert (LONGEST_LABEL, MOST_DAYS, DAY_S) == (100, 36_500, 24 * 3600)
    for good in ("x", "x" * 100, "Büro"):
        assert new_key(good, ["verify"], NOW, None)[1].label == good
    for bad in ("", "x" * 101, "a\nb", "a\x7f"):
        with pytest.raises(ValueError, match="the name is 1 to 100"):
            new_key(bad, ["verify"], NOW, None)


@pytest.mark.parametrize("scopes", [[], ["root"], ["verify", "root"], ["Verify"], [""]])
def test_a_key_has_scopes_that_exist(scopes: list[str]) -> None:
    with pytest.raises(ValueError, match="a key has one or more of them"):
        new_key("x", scopes, NOW, None)


def test_a_key_is_random_recognisable_and_stored_as_its_hash() -> None:
    made = [new_key("x", [*SCOPES], NOW, None) for _ in range(20)]
    texts = [text for text, _ in made]
    assert all(text.startswith(PREFIX) and len(text) == len(PREFIX) + 43 for text in texts)
    assert len({*texts}) == len({record.key_id for _, record in made}) == 20
    for text, record in made:
        assert (record.digest, len(record.key_id), record.created) == (digest_of(text), 8, NOW)
        assert text not in repr(record)
        assert record.digest not in repr(record)


def test_a_key_expires_at_its_second_and_a_record_cannot_be_changed() -> None:
    text, record = new_key("x", ["verify"], NOW, NOW + 10)
    keys = KeySet([new_key("y", ["admin"], NOW, None)[1], record])
    assert [record.state(NOW + after) for after in (0, 9.9, 10, 11)] == ["valid", "valid", "expired", "expired"]
    assert (keys.find(text, NOW + 9.9), keys.find(text, NOW + 10), keys.find(text[:-1], NOW)) == (record, None, None)
    with pytest.raises(FrozenInstanceError):
        record.expires = None  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        keys.records = ()  # type: ignore[misc]


def test_an_entry_counts_on_from_the_head_and_binds_what_was_before() -> None:
    before = Head(3, "a" * 64)
    line, after = chained(KEY, before, AuditEvent("verify", "A", 500), "subject", 1_700_000_000.25)
    entry = json.loads(line)
    assert (entry["n"], entry["prev"], after.count, after.mac) == (4, "a" * 64, 4, entry["mac"])
    assert entry["time"] == "2023-11-14T22:13:20.250+00:00"
    assert mac_of(KEY, entry) == entry["mac"] != mac_of(bytes(32), entry)
    assert str(after) == f"4:{entry['mac']}"
    assert Head.parse(str(after)) == after
    assert len(subject_of(KEY, "A")) == 32
    assert subject_of(KEY, "A") != subject_of(KEY, "B")


def test_an_entry_is_one_line_of_ascii_and_its_keys_have_no_order() -> None:
    about = {"b": {"y": 1, "x": 2}, "a": "\u00e9\u2028\n\ud800"}
    line, _ = chained(KEY, Head(), AuditEvent("verify", "A", 500, about), "subject", NOW)
    assert (line.isascii(), line.splitlines()) == (True, [line])
    entry = json.loads(line)
    assert entry["about"] == about
    other = {name: entry[name] for name in reversed(entry)}
    assert mac_of(KEY, other) == entry["mac"]
    assert digest_of_settings(about) == digest_of_settings({"a": about["a"], "b": {"x": 2, "y": 1}})
    assert digest_of_settings(about) != digest_of_settings({**about, "a": ""})


@pytest.mark.parametrize("mac", ["g" * 64, "A" * 64, "a" * 63, "a" * 65, "é" * 64])
def test_a_head_has_64_hexadecimal_digits(mac: str) -> None:
    with pytest.raises(ValueError, match="a head is"):
        Head.parse(f"4:{mac}")


def test_the_chain_starts_with_zeros_and_nobody_asks_but_the_server() -> None:
    assert (START, Head(), Asker()) == ("0" * 64, Head(0, "0" * 64), Asker("server", ""))
    for frozen in (Head(), Asker()):
        with pytest.raises(FrozenInstanceError):
            frozen.count = 1  # type: ignore[misc, union-attr]


def made_chain(count: int, begins: Head = Head()) -> tuple[Head, list[Line]]:  # noqa: B008 - frozen
    """Return the head and the lines of a chain that begins after `begins`."""
    head, lines = begins, list[Line]()
    for number in range(count):
        text, head = chained(KEY, head, AuditEvent("verify", "A", 500), "subject", NOW + number)
        lines.append(read_line(f"line {number + 1}", text))
    return head, lines


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (lambda head: head, []),
        (lambda head: Head(), []),
        (lambda head: Head(6, head.mac), ["entries 5 to 6 are missing"]),
        (lambda head: Head(4, head.mac), ["entries 4 to 4 are missing"]),
        (lambda head: Head(5, "f" * 64), ["entries 5 to 5 are missing"]),
        (lambda head: Head(3, "f" * 64), ["entries 3 to 3 are missing"]),
    ],
)
def test_a_head_that_the_lines_do_not_lead_to_shows(change: Callable[[Head], Head], faults: list[str]) -> None:
    head, lines = made_chain(5)
    assert check(KEY, change(head), lines, [Head()]).faults == faults


def test_a_chain_of_hundreds_is_whole() -> None:
    head, lines = made_chain(300)
    found = check(KEY, head, lines)
    assert (found.faults, found.uncounted, [entry["n"] for entry in found.chain]) == ([], [], [*range(1, 301)])


def test_what_is_missing_is_counted_from_1_and_a_chain_begins_at_the_start() -> None:
    head, lines = made_chain(3)
    assert check(KEY, head, []).faults == ["entries 1 to 3 are missing"]
    assert check(KEY, head, lines[1:]).faults == ["entries 1 to 1 are missing"]
    later = Head(0, "f" * 64)
    assert check(KEY, *made_chain(2, later)).faults == ["the first entry does not begin the chain"]
