"""What is done beside the requests changes nothing that a request can see."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap import maintenance
from bootstrap.liveness import LivenessLoader
from bootstrap.models import LoadedModels
from codes_dict import Code, Refusal
from env_validator import Settings
from pipeline.types import Liveness, LivenessJudge
from tests.fakes import GivenJudge
from tests.http.liveness_models import judging, no_fetch
from tests.http.site import Site, code, variant

pytestmark = pytest.mark.models


def test_many_gallery_files_are_merged_and_everybody_is_still_found(
    site: Site, monkeypatch: pytest.MonkeyPatch, astronaut: bytes
) -> None:
    monkeypatch.setattr(maintenance, "MOST_SEGMENTS", 1)
    site.enrolled(astronaut)
    site.enrolled(variant(astronaut))
    settings, records = site.records()
    assert records.gallery.backlog() == 2
    maintenance.run_maintenance(settings, records, sweeping=True)
    assert records.gallery.backlog() == 0
    assert code(site.verify(site.uploaded(variant(astronaut, 0.95, 4, -3.0)))) == 200


def test_maintenance_waits_for_a_database_that_is_down(site: Site, astronaut: bytes) -> None:
    site.enrolled(astronaut)
    settings, records = site.records()
    (site.folder / "faceapp.sqlite").rename(site.folder / "away")
    maintenance.run_maintenance(settings, records, sweeping=True)
    assert "maintenance is postponed" in site.log()


def health(site: Site) -> int:
    return code(site.client.get("/health/ready"))


def test_a_server_whose_liveness_model_comes_late_gets_ready_without_a_request(
    tmp_path: Path, models: LoadedModels
) -> None:
    there: list[LivenessJudge] = []

    def load(settings: Settings) -> LivenessJudge:
        if not there:
            raise Refusal(Code.NO_LIVENESS, "there is no model")
        return there[0]

    site = Site(tmp_path, models, LivenessLoader(load, no_fetch))
    maintenance.warm_up(site.container)
    assert health(site) == 503
    assert "not ready yet: 178 NO_LIVENESS: there is no model" in site.log()
    there.append(GivenJudge(lambda face: Liveness.LIVE))
    site.edit(LIVENESS_ENGINES="fasnet")  # what is looked for has changed, as when a file arrives
    maintenance.warm_up(site.container)
    assert health(site) == 101
    site.close()


def test_a_server_whose_settings_were_wrong_or_changed_gets_ready_without_a_request(
    tmp_path: Path, models: LoadedModels
) -> None:
    site = Site(tmp_path, models, judging(lambda face: Liveness.LIVE), VER_TOL="none")
    maintenance.warm_up(site.container)
    assert health(site) == 176
    for tolerance in ("2", "3"):
        site.edit(VER_TOL=tolerance)
        assert health(site) == 503
        maintenance.warm_up(site.container)
        assert health(site) == 101
    site.close()
