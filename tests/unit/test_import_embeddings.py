"""bin/import-embeddings: dictionaries of names are read, and nothing of a pickle is ever executed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from db.gallery.pickles import PickleRefusedError
from pipeline.classifier.strangers import SHIPPED, SUFFIX, decode
from tools.cli import main as cli
from tools.facehash.import_command import as_users, check_model
from tools.facehash.name_pickles import read_names

STATISTICS = decode((SHIPPED / f"dlib+mobilefacenet+sface{SUFFIX}").read_bytes())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_arrays_of_every_protocol_are_read(protocol: int, kind: Any) -> None:
    sent = {"Ada": np.arange(1, 17, dtype=kind), "Бен": np.ones((2, 16), kind)}
    found = read_names(pickle.dumps(sent, protocol=protocol))
    assert {name: rows.shape for name, rows in found.items()} == {"Ada": (1, 16), "Бен": (2, 16)}
    assert found["Ada"][0].tolist() == list(range(1, 17))


def test_lists_are_read() -> None:
    sent = {"Ada": [1.0, 2, *[0.5] * 8], "Ben": [np.ones(10, np.float32)] * 3}
    found = read_names(pickle.dumps(sent))
    assert (found["Ada"].shape, found["Ben"].shape) == ((1, 10), (3, 10))


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("executed",)


@pytest.mark.parametrize(
    "content",
    [
        {"Ada": Evil()},
        {Evil(): np.ones(16)},
        [np.ones(16)],
        {},
        {"Ada": np.ones(16), "Ben": np.ones(17)},
        {"Ada": np.array(["text"] * 16)},
        {"Ada": np.ones(16, np.int64)},
        {"Ada": np.full(16, np.nan)},
        {"Ada": np.zeros(16)},
        {"Ada": np.zeros((0, 16))},
        {7: np.ones(16)},
        {"Ada": "text"},
    ],
    ids=[
        "call", "call as a name", "list", "empty", "two lengths", "text array", "whole numbers", "nan", "zero",
        "no rows", "number", "text",
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_not_executed(
    content: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PickleRefusedError):
        read_names(pickle.dumps(content))
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_refused() -> None:
    whole = pickle.dumps({"Ada": np.ones(16, np.float32)})
    for end in range(len(whole)):
        with pytest.raises(PickleRefusedError):
            read_names(whole[:end])
    generator = np.random.default_rng(0)
    for _ in range(300):
        spoilt = bytearray(whole)
        spoilt[int(generator.integers(len(whole)))] = int(generator.integers(256))
        try:
            read_names(bytes(spoilt))
        except PickleRefusedError:
            continue


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("made_by", list(STATISTICS.sizes))
def test_what_another_model_made_is_refused(made_by: str, count: int) -> None:
    drawn = STATISTICS.of_models([made_by]).draw(count, np.random.default_rng(0))
    check_model({"Ada": 1.4 * drawn}, STATISTICS, made_by)
    for other in set(STATISTICS.sizes) - {made_by}:
        with pytest.raises(ValueError, match=rf"unlike {other}'s .* more like {made_by}'s"):
            check_model({"Ada": drawn}, STATISTICS, other)


def test_what_an_unknown_model_made_is_refused() -> None:
    dlib, generator = STATISTICS.of_models(["Dlib"]), np.random.default_rng(0)
    with pytest.raises(ValueError, match="another model made them"):
        check_model({"Ada": generator.normal(0.0, 1.0, (5, 128)).astype(np.float32)}, dlib, "Dlib")
    with pytest.raises(ValueError, match="the embeddings have 512 numbers"):
        check_model({"Ada": np.ones((1, 512), np.float32)}, dlib, "Dlib")


def test_names_are_those_that_are_compared_and_two_spellings_of_one_are_refused() -> None:
    rows = np.ones((1, 8), np.float32)
    assert list(as_users({"Zoe\u0308": rows})) == ["Zo\u00eb"]
    with pytest.raises(ValueError, match="1 of the names are others of them"):
        as_users({"Zoe\u0308": rows, "Zo\u00eb": rows})


def test_the_command_says_why_nothing_was_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [str(tmp_path / "a.pkl"), "--model", "Dlib", "--home", "API_KEY_TEST_1", "--env", str(tmp_path / ".env")]
    assert cli.main(["import-embeddings", *asked]) == 2
    assert "does not exist; bin/start" in capsys.readouterr().err
