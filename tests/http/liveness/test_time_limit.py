"""An engine that does not answer, or does not load, is 178: no request and no later request hangs on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bootstrap.liveness import LivenessLoader
from bootstrap.models import LoadedModels
from env_validator import Settings
from pipeline.models.liveness.fail_closed import THREAD
from pipeline.types import Face, Liveness, LivenessJudge, LivenessVerdict
from tests.fakes import GivenJudge
from tests.http.liveness_models import BrokenJudge, keeper_of, no_fetch
from tests.http.site import Site, code, variant

pytestmark = pytest.mark.models

LIVE = GivenJudge(lambda face: Liveness.LIVE)
FAILURES = {
    "an engine": "takes longer than LIVENESS_TIMEOUT_S, or never returns",
    "engines": "loading takes too long, or never ends",
}


class Gate:
    """Holds every call until it is opened, and counts them; a test that fails leaves nobody behind it."""

    def __init__(self) -> None:
        self.calls = 0
        self._opened = threading.Event()
        self._opened.set()

    def hold(self) -> None:
        self.calls += 1
        assert self._opened.wait(60)

    def close(self) -> None:
        self._opened.clear()

    def open(self) -> None:
        """Let everybody through, and wait until the engines' threads have ended."""
        self._opened.set()
        for thread in threading.enumerate():
            if thread.name in (THREAD, "liveness loading"):
                thread.join(60)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def served(tmp_path: Path, models: LoadedModels, astronaut: bytes) -> Iterator[Callable[[LivenessLoader], Site]]:
    """Return a maker of a server with a given keeper and a short time limit, where one person is enrolled."""
    sites: list[Site] = []

    def make(keeper: LivenessLoader) -> Site:
        sites.append(Site(tmp_path, models, keeper, ALLOW_SKIP_LIVENESS="false", LIVENESS_TIMEOUT_S="1"))
        sites[-1].enrolled(astronaut)
        return sites[-1]

    yield make
    for site in sites:
        site.close()


def test_178_an_engine_that_never_returns_and_200_when_it_does(
    served: Callable[[LivenessLoader], Site], astronaut: bytes, gate: Gate
) -> None:
    def slow(faces: Sequence[Face]) -> list[LivenessVerdict]:
        gate.hold()
        return LIVE.judge(faces)

    site = served(keeper_of(BrokenJudge(slow)))
    upload_id = site.uploaded(variant(astronaut))
    gate.close()
    assert code(site.verify(upload_id, skip_liveness="false")) == 178
    assert "178 NO_LIVENESS: a liveness engine has not answered within 1 s" in site.log()
    for _ in range(3):
        assert code(site.verify(upload_id, skip_liveness="false")) == 178
    assert gate.calls == 1, "while it hangs, nobody else waits for it"
    assert site.log().count("has still not answered an earlier request") == 3
    gate.open()
    assert "has returned" in site.log()
    assert code(site.verify(upload_id, skip_liveness="false")) == 200


def test_requests_that_wait_for_the_same_engine_are_all_refused_and_all_its_calls_return(
    served: Callable[[LivenessLoader], Site], astronaut: bytes, gate: Gate
) -> None:
    def slow(faces: Sequence[Face]) -> list[LivenessVerdict]:
        gate.hold()
        return LIVE.judge(faces)

    site = served(keeper_of(BrokenJudge(slow)))
    judge = site.services().judge()
    gate.close()
    codes: list[int] = []
    upload_id = site.uploaded(variant(astronaut))

    def ask() -> None:
        client = site.client.application.test_client()
        form = {"upload_id": upload_id, "skip_verify": "false", "skip_db_search": "false", "skip_liveness": "false"}
        codes.append(code(client.post("/verify", data=form)))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert codes == [178] * 3
    gate.open()
    assert judge.judge([]) == []


def test_503_while_the_engines_are_being_loaded_and_200_when_they_are(
    served: Callable[[LivenessLoader], Site], astronaut: bytes, gate: Gate
) -> None:
    def load(settings: Settings) -> LivenessJudge:
        gate.hold()
        return LIVE

    site = served(LivenessLoader(load, no_fetch, loading_s=0.2))
    upload_id = site.uploaded(variant(astronaut))
    gate.close()
    for _ in range(3):
        assert code(site.verify(upload_id, skip_liveness="false")) == 503
    assert site.log().count("503 BUSY: the liveness engines are still being loaded") == 3
    gate.open()
    assert code(site.verify(upload_id, skip_liveness="false")) == 200
    assert gate.calls == 1, "what was begun is used"


def test_a_request_s_id_is_in_the_lines_that_an_engine_logs(
    served: Callable[[LivenessLoader], Site], astronaut: bytes
) -> None:
    import logging

    def talkative(faces: Sequence[Face]) -> list[LivenessVerdict]:
        logging.getLogger("pipeline").warning("the engine speaks")
        return LIVE.judge(faces)

    site = served(keeper_of(BrokenJudge(talkative)))
    form = {"upload_id": site.uploaded(variant(astronaut)), "skip_verify": "false", "skip_db_search": "false"}
    site.client.post("/verify", data={**form, "skip_liveness": "false"}, headers={"X-Request-ID": "of-this-one"})
    assert "of-this-one --- the engine speaks" in site.log()
