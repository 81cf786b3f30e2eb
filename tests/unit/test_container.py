"""Services are lent: what a running request uses stays open, whatever is edited meanwhile, and closes after it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bootstrap import scorers
from bootstrap.container import ServiceContainer
from bootstrap.liveness import LivenessLoader
from bootstrap.records import Records
from codes_dict import Code, Refusal
from env_validator import Settings
from pipeline.types import Detector, Embedder, LivenessJudge
from tests.fakes import ColourDetector, ColourEmbedder, ColourScorer, GivenAttributes
from tests.http.site import ENV


class _Dlib(ColourEmbedder):
    name = "Dlib"


class _Models:
    """Colours for a model of the registry."""

    attributes = GivenAttributes()

    def detector(self) -> Detector:
        return ColourDetector()

    def embedders(self, _settings: Settings) -> Mapping[str, Embedder]:
        return {"Dlib": _Dlib()}

    def close(self) -> None:
        pass


def _load(_settings: Settings) -> LivenessJudge:
    raise Refusal(Code.NO_LIVENESS)


def _edit(folder: Path, **changes: str) -> None:
    (folder / ".env").write_text("".join(f"{key}='{value}'\n" for key, value in {**ENV, **changes}.items()))


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[Records]:
    """Return a list of the records that were closed."""
    found: list[Records] = []
    close = Records.close

    def noted(records: Records) -> None:
        found.append(records)
        close(records)

    monkeypatch.setattr(Records, "close", noted)
    return found


@pytest.fixture
def container(tmp_path: Path, closed: list[Records], monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceContainer]:
    monkeypatch.setattr(scorers, "load_scorer", lambda *_: ColourScorer())
    for name in ("people", "uploads"):
        (tmp_path / name).mkdir()
    _edit(tmp_path)
    made = ServiceContainer(tmp_path / ".env", _Models(), LivenessLoader(_load, lambda _: None))
    yield made
    made.close()


def test_a_rebuild_closes_the_old_records_with_the_last_request_that_uses_them(
    container: ServiceContainer, tmp_path: Path, closed: list[Records]
) -> None:
    with container.lease() as first, container.lease() as second:
        assert first is second
        with container.current_records() as current:
            assert current is not None
        _edit(tmp_path, VER_TOL="3")
        with container.lease() as new:
            assert (new is first, new.policy.ver_tol, first.policy.ver_tol) == (False, 3, 2)
        assert closed == []
        assert first.gallery.snapshot().people == 0
    assert closed == [current[1]]
    with container.lease() as again:
        assert again is new
    container.close()
    assert len(closed) == 2


def test_a_request_that_waited_for_a_build_does_not_build_for_older_settings(
    container: ServiceContainer, tmp_path: Path, closed: list[Records], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, waits = container._file.current, threading.Event()

    def current() -> Settings:
        found = usual()
        if threading.current_thread() is waiting:
            waits.set()
        return found

    def ask() -> None:
        with container.lease() as services:
            tolerances.append(services.policy.ver_tol)

    tolerances, waiting = list[int](), threading.Thread(target=ask)
    monkeypatch.setattr(container._file, "current", current)
    with container._lock:
        waiting.start()
        assert waits.wait(60)
        _edit(tmp_path, VER_TOL="3")
        with container.lease():
            pass
    waiting.join()
    assert (tolerances, closed) == ([3], [])


def test_a_rebuild_that_nobody_waits_for_closes_the_old_records_at_once(
    container: ServiceContainer, tmp_path: Path, closed: list[Records]
) -> None:
    with container.lease():
        pass
    _edit(tmp_path, VER_TOL="3")
    with container.lease():
        assert len(closed) == 1


def test_a_request_that_fails_gives_its_lease_back(
    container: ServiceContainer, tmp_path: Path, closed: list[Records]
) -> None:
    with pytest.raises(RuntimeError), container.lease():
        raise RuntimeError
    _edit(tmp_path, VER_TOL="3")
    with container.lease():
        assert len(closed) == 1


def test_maintenance_and_the_servers_end_wait_for_whoever_uses_the_records(
    container: ServiceContainer, closed: list[Records]
) -> None:
    with container.current_records() as none_yet:
        assert none_yet is None
    with container.lease(), container.current_records() as current:
        container.close()
        assert closed == []
    assert current is not None
    assert closed == [current[1]]


def test_wrong_settings_lend_nothing_and_leave_running_requests_alone(
    container: ServiceContainer, tmp_path: Path, closed: list[Records]
) -> None:
    with container.lease():
        _edit(tmp_path, VER_TOL="none")
        with pytest.raises(Refusal, check=lambda refusal: refusal.code is Code.BAD_ENV), container.lease():
            pass
        assert closed == []
    _edit(tmp_path)
    with container.lease():
        assert closed == []
