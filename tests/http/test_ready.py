"""`/health/ready` says what the server lacks, and recovers by itself; a server that is still starting is busy."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from bootstrap import maintenance
from bootstrap.liveness import LivenessLoader
from bootstrap.models import LoadedModels
from codes_dict import Code, Refusal
from env_validator import Settings
from pipeline.types import Liveness, LivenessJudge
from tests.fakes import GivenJudge
from tests.http.liveness_models import no_fetch
from tests.http.site import Site, code, results

pytestmark = pytest.mark.models
JUDGE = GivenJudge(lambda face: Liveness.LIVE)


@pytest.fixture
def ready(tmp_path: Path, models: LoadedModels) -> Site:
    """Return a server that is ready, whose liveness model is a file of its own."""
    (tmp_path / "liveness_best.h5").write_bytes(b"a model")
    site = Site(tmp_path, models, LivenessLoader(lambda _: JUDGE, no_fetch), MODEL_PATH=str(tmp_path))
    maintenance.warm_up(site.container)
    assert lacks(site) == {}
    return site


def lacks(site: Site) -> Any:
    reply = site.client.get("/health/ready")
    assert results(reply)["ready"] is (code(reply) == 101)
    assert ("Retry-After" in reply.headers) is (code(reply) == 503)
    return results(reply).get("reasons", {})


def test_the_database_or_its_table_is_away(ready: Site) -> None:
    file, away = ready.folder / "faceapp.sqlite", ready.folder / "away"
    file.rename(away)
    assert lacks(ready) == {"database": 155, "table": 155, "vector_store": 155}
    away.rename(file)
    assert lacks(ready) == {}
    with sqlite3.connect(file) as database:
        database.execute("ALTER TABLE reco_table RENAME TO other")
    assert lacks(ready) == {"table": 155}


def test_the_liveness_model_is_away(ready: Site) -> None:
    (ready.folder / "liveness_best.h5").unlink()
    assert lacks(ready) == {"liveness": 178}


@pytest.mark.parametrize("folder", ["people", "uploads"])
def test_a_folder_cannot_be_written(ready: Site, folder: str) -> None:
    shutil.rmtree(ready.folder / folder)
    assert lacks(ready) == {"disk": 157}


def test_the_vector_store_is_away(ready: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise Refusal(Code.VECTORS_DOWN)

    monkeypatch.setattr(ready.records()[1].gallery, "snapshot", away)
    assert lacks(ready) == {"vector_store": 156}


def test_while_one_call_looks_others_are_told_what_was_found_last(ready: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    looking, end = threading.Event(), threading.Event()

    def slow() -> None:
        looking.set()
        end.wait(60)
        raise Refusal(Code.VECTORS_DOWN)

    monkeypatch.setattr(ready.records()[1].gallery, "snapshot", slow)
    first = threading.Thread(target=ready.container.lacking)
    first.start()
    looking.wait(60)
    assert ready.container.lacking() == {}
    end.set()
    first.join()
    assert ready.container.lacking() == {"vector_store": Code.VECTORS_DOWN}


def test_a_server_whose_liveness_engines_are_still_loading_is_busy_and_not_without_them(
    tmp_path: Path, models: LoadedModels, astronaut: bytes
) -> None:
    loaded = threading.Event()

    def load(_: Settings) -> LivenessJudge:
        loaded.wait(60)
        return JUDGE

    site = Site(tmp_path, models, LivenessLoader(load, no_fetch, loading_s=0))
    upload_id = site.uploaded(astronaut)
    reply = site.verify(upload_id, skip_liveness="false")
    assert (code(reply), reply.status_code, reply.headers["Retry-After"]) == (503, 503, "2")
    assert results(reply)["retry"] is True
    assert lacks(site) == {"models": 503, "liveness": 178}
    loaded.set()
    maintenance.warm_up(site.container)
    assert lacks(site) == {}
    assert code(site.verify(upload_id, skip_liveness="false")) == 116
    site.close()
