"""Gallery files: nothing in them is ever executed, and what is damaged is refused."""

from __future__ import annotations

import hashlib
import os
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codes_dict import Code
from db.gallery import pickles
from db.gallery.pickles import Key, PickleRefusedError, PickleStore, decode, encode
from db.kept import KeptFiles

KEY = Key("VGG-Face", "0123456789abcdef", 3)
A, B = "a" * 32, "b" * 32
ROWS = {A: np.arange(6, dtype=np.float32).reshape(2, 3), B: np.ones((1, 3), np.float32)}


class Hostile:
    """What an attacker would put into a pickle."""

    def __init__(self, call: Any, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return self.call, self.arguments


def content(**changes: object) -> dict[str, object]:
    return {**pickle.loads(encode(KEY, ROWS)), **changes}


def test_rows_come_back_as_they_went(tmp_path: Path) -> None:
    store = PickleStore(KeptFiles(tmp_path))
    store.write(KEY.base, KEY, ROWS)
    found = store.read_all(KEY)
    assert {token: rows.tolist() for token, rows in found.items()} == {
        A: [[0, 1, 2], [3, 4, 5]],
        B: [[1, 1, 1]],
    }
    assert found[A].dtype == np.float32


def test_a_file_is_one_that_plain_pickle_can_read_too() -> None:
    plain = pickle.loads(encode(KEY, ROWS))
    assert {type(value) for value in plain.values()} == {str, int, bytes}
    assert np.frombuffer(plain["data"], "<f4").tolist() == [0, 1, 2, 3, 4, 5, 1, 1, 1]


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_hostile_pickle_is_refused_and_not_executed(tmp_path: Path, protocol: int) -> None:
    proof = tmp_path / "executed"
    hostile = pickle.dumps(Hostile(os.system, f"touch {proof}"), protocol=protocol)
    (tmp_path / KEY.base).write_bytes(hostile)
    assert PickleStore(KeptFiles(tmp_path)).read(KEY.base, KEY) is None
    assert (proof.exists(), (tmp_path / KEY.base).exists()) == (False, False)
    pickle.loads(hostile)
    assert proof.exists()


def test_each_of_the_two_locks_holds_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = tmp_path / "executed"
    hostile = pickle.dumps(content(data=Hostile(os.system, f"touch {proof}")), protocol=4)
    with pytest.raises(PickleRefusedError, match="opcode STACK_GLOBAL"):
        decode(hostile, KEY)
    monkeypatch.setattr(pickles, "HARMLESS", {opcode.name for opcode in pickletools.opcodes})
    with pytest.raises(PickleRefusedError, match="it names posix"):
        decode(hostile, KEY)
    with pytest.raises(PickleRefusedError, match="persistent"):
        decode(b"\x80\x04\x8c\x01xQ.", KEY)
    assert not proof.exists()


@pytest.mark.parametrize(
    "hostile",
    [
        content(data=Hostile(print, "executed")),
        content(model=Hostile(eval, "1/0")),
        {**content(), "more": Hostile(exec, "raise SystemExit")},
        [Hostile(os.getcwd)],
        content(data=np.zeros((3, 3), np.float32)),
        content(data=bytearray(36)),
        content(data=b"short"),
        content(size=True),
        content(size=4),
        content(model="Facenet"),
        content(version="f" * 16),
        content(format="faceapp-gallery-0"),
        content(tokens=b"x" * 31),
        content(counts=(np.array([3, 2], "<u4")).tobytes()),
        content(counts=(np.array([2**32 - 1, 4], "<u4")).tobytes()),
        content(sha256=bytes(32)),
        {},
        None,
        [1, 2],
        "text",
    ],
    ids=range(20),
)
def test_anything_but_our_own_plain_values_is_refused(hostile: object) -> None:
    with pytest.raises(PickleRefusedError):
        decode(pickle.dumps(hostile, protocol=4), KEY)


def test_numbers_that_are_none_are_refused() -> None:
    data = np.array([np.nan] * 9, "<f4").tobytes()
    with pytest.raises(PickleRefusedError, match="not numbers"):
        decode(pickle.dumps(content(data=data, sha256=hashlib.sha256(data).digest()), protocol=4), KEY)


def test_a_file_cut_off_anywhere_is_refused() -> None:
    whole = encode(KEY, ROWS)
    for length in range(len(whole)):
        with pytest.raises(PickleRefusedError):
            decode(whole[:length], KEY)


def test_a_changed_byte_never_passes_as_other_embeddings() -> None:
    whole = bytearray(encode(KEY, ROWS))
    for at in range(len(whole)):
        changed = bytes(whole[:at]) + bytes([whole[at] ^ 0x55]) + bytes(whole[at + 1 :])
        try:
            rows = decode(changed, KEY)
        except PickleRefusedError:
            continue
        assert np.concatenate(list(rows.values())).tolist() == np.concatenate(list(ROWS.values())).tolist()


@pytest.mark.parametrize(
    "blob", [b"", b"\x80", b"\x80\x04.", b"<html>", bytes(1000), b"(" * 5000 + b".", b"\x80\x04N."]
)
def test_rubbish_is_refused(blob: bytes) -> None:
    with pytest.raises(PickleRefusedError):
        decode(blob, KEY)


def test_deleting_tells_each_file_and_which_were_not_there(tmp_path: Path) -> None:
    store, other = PickleStore(KeptFiles(tmp_path)), Key("Dlib", "f" * 16, 3)
    store.write(KEY.segment(A), KEY, {A: ROWS[A]})
    (tmp_path / "notes.pkl").write_bytes(b"an operator's own")
    assert store.delete([KEY, other]) == {KEY.segment(A): Code.PICKLE_DELETED, other.base: Code.PICKLE_ABSENT}
    assert store.delete([KEY]) == {KEY.base: Code.PICKLE_ABSENT}
    assert [path.name for path in tmp_path.iterdir()] == ["notes.pkl"]


def test_embeddings_of_a_wrong_size_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\(m, 3\)"):
        PickleStore(KeptFiles(tmp_path)).write(KEY.base, KEY, {A: np.ones((1, 4), np.float32)})
    assert list(tmp_path.iterdir()) == []
