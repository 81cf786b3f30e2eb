"""Sealing: what is sealed opens in its place with its key, and nowhere and with nothing else."""

from __future__ import annotations

import pytest

from codes_dict import Code
from security import sealing
from security.sealing import Seal, SealBrokenError, key_id, key_of

ONE, TWO = bytes(range(32)), bytes(range(1, 33))
TEXT = b"the first photo of somebody" * 40
HERE = "people/abc/source/1.png"


def why(seal: Seal, blob: bytes, place: str = HERE) -> tuple[str, bool]:
    with pytest.raises(SealBrokenError) as caught:
        seal.open(blob, place)
    assert caught.value.code is Code.SEAL_BROKEN
    return caught.value.detail, caught.value.is_foreign


def test_what_is_sealed_opens_in_its_place_and_shows_nothing() -> None:
    blob = Seal([ONE]).seal(TEXT, HERE, "a note")
    assert Seal([ONE]).open_with_note(blob, HERE) == (TEXT, "a note")
    assert not any(TEXT[at : at + 8] in blob for at in range(len(TEXT) - 8))
    assert blob != Seal([ONE]).seal(TEXT, HERE, "a note")


def test_without_a_key_nothing_changes() -> None:
    assert (Seal().seal(TEXT, HERE), Seal().open(TEXT, HERE), Seal().blinded(TEXT)) == (TEXT, TEXT, [TEXT])


def test_a_file_that_was_swapped_for_another_does_not_open() -> None:
    seal = Seal([ONE])
    assert why(seal, seal.seal(TEXT, "people/abc/source/2.png")) == ("it is not what was sealed in its place", False)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 200])
def test_a_large_text_is_sealed_in_parts_that_belong_together(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_PART", 64)
    seal, text = Seal([ONE]), bytes(range(200))[:size]
    blob = seal.seal(text, HERE, "a note")
    assert seal.open_with_note(blob, HERE) == (text, "a note")
    begin = len(blob) - size - 16 * max(1, -(-size // 64))
    parts = [blob[start : start + 80] for start in range(begin, len(blob), 80)]
    for others in ([], parts[:-1], parts[1:], parts[::-1], [*parts, parts[-1]]):
        if others != parts:
            why(seal, blob[:begin] + b"".join(others))


@pytest.mark.parametrize("at", [0, 8, 16, 39, 40, 41, 42, 60, -1])
def test_a_changed_byte_does_not_open_wherever_it_is(at: int) -> None:
    blob = bytearray(Seal([ONE]).seal(TEXT, HERE))
    blob[at] ^= 1
    why(Seal([ONE]), bytes(blob))


@pytest.mark.parametrize("length", [8, 16, 39, 40, 41, 42, 57, 58, 73, 100])
def test_a_file_cut_off_does_not_open(length: int) -> None:
    why(Seal([ONE]), Seal([ONE]).seal(TEXT, HERE)[:length])


def test_another_key_is_told_by_its_id() -> None:
    blob = Seal([TWO]).seal(TEXT, HERE)
    words = f"it is sealed with the key {key_id(TWO)}, which DATA_KEY does not hold"
    assert (why(Seal([ONE]), blob), why(Seal(), blob)) == ((words, True), (words, True))
    assert (len(key_id(TWO)), key_of(blob)) == (16, key_id(TWO))


def test_where_all_is_sealed_an_unsealed_file_is_refused() -> None:
    assert why(Seal([ONE]), TEXT) == ("it is not sealed, which DATA_KEY does not hold", False)


def test_while_keys_change_both_open_and_the_first_one_seals() -> None:
    changing, before = Seal([TWO, ONE]), Seal([ONE]).seal(TEXT, HERE)
    assert (changing.open(before, HERE), changing.is_current(before)) == (TEXT, False)
    after = changing.seal(TEXT, HERE)
    assert (Seal([TWO]).open(after, HERE), changing.is_current(after)) == (TEXT, True)
    ending = Seal([None, ONE])
    assert (ending.open(before, HERE), ending.seal(TEXT, HERE), ending.forms) == (TEXT, TEXT, [False, True])


def test_what_is_looked_up_is_hashed_with_each_key() -> None:
    first, second = Seal([TWO, ONE]).blinded(b"band")
    assert ([first], [second]) == (Seal([TWO]).blinded(b"band"), Seal([ONE]).blinded(b"band"))
    assert Seal([ONE, None]).blinded(b"band") == [second, b"band"]
    assert len({first, second, b"band"}) == 3


def test_a_key_of_another_length_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Seal([b"short"])
