"""Which liveness engines judge: all that can be had, or those that are named, and never fewer than before."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.engines import LivenessEngines, described
from codes_dict import Code, Refusal
from env_validator import Settings
from pipeline.models.liveness.judge import Judge
from pipeline.models.weights import FetchFailed
from pipeline.registry import WeightFile
from pipeline.types import LivenessAbout

CONTENT = {"a1": b"one", "a2": b"two", "b": b"three"}
FILES = {
    engine: tuple(
        WeightFile(name, f"http://publisher/{name}", hashlib.sha256(CONTENT[name]).hexdigest(), "MIT") for name in names
    )
    for engine, names in (("fasnet", ("a1", "a2")), ("facenox", ("b",)))
}


def settings(folder: Path, **changes: Any) -> Settings:
    given = {
        "liveness_engines": (), "tight_faces": "uncertain", "model_path": folder, "model_name": "own.h5",
        "model_sha256": "", "model_mirror": "", "model_url": "http://publisher/own.h5", "fetch_models": False,
    }  # fmt: skip
    return cast(Settings, SimpleNamespace(**(given | changes)))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what engines are loaded with; like the real ones, they refuse where a file is missing."""
    calls: list[dict[str, Any]] = []

    def load_judge(
        engines: Sequence[str], model: Path, pinned: str | None, weights: Mapping[str, Path], kept: Path, tight: bool
    ) -> Judge:
        calls.append({"engines": tuple(engines), "weights": weights, "tight": tight})
        for engine in engines:
            for one in FILES.get(engine, ()):
                if not (weights[engine] / one.file).is_file():
                    raise Refusal(Code.NO_LIVENESS, f"{one.file} is missing")
        return cast(Judge, SimpleNamespace(engines=tuple(engines)))

    monkeypatch.setattr("pipeline.models.liveness.load_judge", load_judge)
    monkeypatch.setattr("bootstrap.engines.LIVENESS_FILES", FILES)
    return calls


def put(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(CONTENT[name])


@pytest.mark.parametrize(
    ("there", "engines"),
    [
        ((), ("cnn",)),
        (("a1",), ("cnn",)),
        (("a1", "a2"), ("cnn", "fasnet")),
        (("b",), ("cnn", "facenox")),
        (("a1", "a2", "b"), ("cnn", "fasnet", "facenox")),
    ],
)
def test_auto_takes_every_engine_whose_files_are_there(
    tmp_path: Path, asked: list[dict[str, Any]], there: tuple[str, ...], engines: tuple[str, ...]
) -> None:
    put(tmp_path, *there)
    assert LivenessEngines(tmp_path).load(settings(tmp_path)).engines == engines
    assert asked[0]["tight"] is False


def test_auto_finds_each_engine_in_its_own_folder(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    put(tmp_path / "mirror", "a1", "a2")
    put(tmp_path / "own", "b")
    engines = LivenessEngines(tmp_path / "own")
    assert engines.load(settings(tmp_path, model_mirror=str(tmp_path / "mirror"))).engines == (
        "cnn",
        "fasnet",
        "facenox",
    )
    assert asked[0]["weights"] == {"fasnet": tmp_path / "mirror", "facenox": tmp_path / "own"}


def test_a_file_with_other_bytes_is_no_engine(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    (tmp_path / "b").write_bytes(b"something else")
    assert LivenessEngines(tmp_path).load(settings(tmp_path)).engines == ("cnn",)


def test_an_engine_that_is_lost_while_the_server_runs_is_never_done_without(
    tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    put(tmp_path, "a1", "a2", "b")
    engines = LivenessEngines(tmp_path)
    engines.load(settings(tmp_path))
    (tmp_path / "b").unlink()
    with pytest.raises(Refusal, match="b is missing"):
        engines.load(settings(tmp_path))
    put(tmp_path, "b")
    assert engines.load(settings(tmp_path)).engines == ("cnn", "fasnet", "facenox")


def test_a_named_engine_that_is_missing_is_refused(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    with pytest.raises(Refusal) as refusal:
        LivenessEngines(tmp_path).load(settings(tmp_path, liveness_engines=("cnn", "facenox")))
    assert refusal.value.code is Code.NO_LIVENESS


@pytest.fixture
def fetching(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path, str], None]], list[str]]:
    """Return how downloads are replaced by a function of the folder and the file's name; it returns what was asked."""

    def use(fetch: Callable[[Path, str], None]) -> list[str]:
        names: list[str] = []

        def instead(store: Any, file: str, url: str, sha256: str, timeout: float) -> None:
            names.append(file)
            fetch(store.folder, file)

        monkeypatch.setattr("pipeline.models.weights.WeightStore.fetch", instead)
        return names

    return use


def test_auto_fetches_at_the_start_what_is_missing_and_does_not_try_again(
    tmp_path: Path, asked: list[dict[str, Any]], fetching: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fetch(folder: Path, name: str) -> None:
        if name == "b":
            raise FetchFailed("b could not be fetched from publisher: no route")
        put(folder, name)

    names, engines = fetching(fetch), LivenessEngines(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert engines.load(settings(tmp_path, fetch_models=True)).engines == ("cnn", "fasnet")
    assert "b could not be fetched" in caplog.text
    engines.load(settings(tmp_path, fetch_models=True))
    assert sorted(names) == ["a1", "a2", "b"]


def test_nothing_is_fetched_where_that_is_not_allowed_or_engines_are_named(
    tmp_path: Path, asked: list[dict[str, Any]], fetching: Any
) -> None:
    names = fetching(put)
    LivenessEngines(tmp_path).load(settings(tmp_path))
    with pytest.raises(Refusal):
        LivenessEngines(tmp_path).load(settings(tmp_path, liveness_engines=("fasnet",), fetch_models=True))
    assert names == []


def test_a_download_that_never_ends_does_not_hold_the_start(
    tmp_path: Path, asked: list[dict[str, Any]], fetching: Any
) -> None:
    over = threading.Event()
    fetching(lambda folder, name: over.wait(60) and None)
    assert LivenessEngines(tmp_path, limit_s=0.05).load(settings(tmp_path, fetch_models=True)).engines == ("cnn",)
    over.set()


def test_the_start_says_which_engines_judge_and_what_they_reach() -> None:
    assert described(LivenessAbout(("cnn",)).as_dict()) == "cnn (not measured)"
    about = LivenessAbout(("cnn", "fasnet"), {"portraits_rejected": 0.039})
    assert described(about.as_dict()) == "cnn, fasnet (portraits rejected 3.9 %)"
