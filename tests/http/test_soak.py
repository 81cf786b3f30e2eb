"""Twice as much as the server can do, for a few seconds; bin/soak does it for half an hour and judges times."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.site import ROOT
from tools.benchmark.client import SETTINGS, cpu_s, memory_bytes
from tools.installation.trial import TrialServer, trial_server
from tools.soak.command import growth, soak

SECONDS = 8.0


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialServer]:
    changes = {**SETTINGS, "SELECTED_MODELS": "Dlib", "THREADS": "1", "LIVENESS_ENGINES": "cnn"}
    with trial_server(ROOT, tmp_path_factory.mktemp("soak"), changes) as running:
        yield running


@pytest.mark.models
@pytest.mark.slow
def test_under_too_much_load_requests_are_served_or_asked_to_come_again_and_nothing_is_lost(
    server: TrialServer, grace_hopper: bytes
) -> None:
    # Four times what was found: other work while that was measured makes it seem less than it is.
    report = soak(server, grace_hopper, SECONDS, 4.0, lambda _: None)
    assert report["faults"] == []
    assert report["accepted"] > 0
    assert report["refused"] > 0


def test_a_thread_that_ends_while_a_server_is_watched_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    read, ended = Path.read_text, list[Path]()

    def read_text(path: Path) -> str:
        if path.name == "children" and not ended:
            ended.append(path)
            raise ProcessLookupError
        return read(path)

    monkeypatch.setattr(Path, "read_text", read_text)
    assert (cpu_s(os.getpid()) > 0, memory_bytes(os.getpid()) > 0, len(ended)) == (True, True, 1)


def test_memory_grows_by_its_slope_after_settling() -> None:
    flat = [(float(second), 900.0 if second < 10 else 500.0) for second in range(100)]
    rising = [(float(second), 500.0 + second / 10) for second in range(100)]
    assert growth(flat) == pytest.approx(0.0, abs=1e-9)
    assert growth(rising) == pytest.approx(9.9 / 505.95, rel=1e-3)
