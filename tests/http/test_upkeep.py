"""What is done beside the requests changes nothing that a request can see."""

from __future__ import annotations

import pytest

from tests.http.site import Site, code, variant
from wiring import upkeep

pytestmark = pytest.mark.models


def test_many_gallery_files_are_merged_and_everybody_is_still_found(
    site: Site, monkeypatch: pytest.MonkeyPatch, astronaut: bytes
) -> None:
    monkeypatch.setattr(upkeep, "MOST_SEGMENTS", 1)
    site.enrolled(astronaut)
    site.enrolled(variant(astronaut))
    standing = site.workshop.standing()
    assert standing is not None
    assert standing[1].gallery.segments() == 2
    upkeep.tend(*standing, sweeping=True)
    assert standing[1].gallery.segments() == 0
    assert code(site.verify(site.uploaded(variant(astronaut, 0.95, 4, -3.0)))) == 200


def test_upkeep_waits_for_a_database_that_is_down(site: Site, astronaut: bytes) -> None:
    site.enrolled(astronaut)
    standing = site.workshop.standing()
    assert standing is not None
    (site.folder / "faceapp.sqlite").rename(site.folder / "away")
    upkeep.tend(*standing, sweeping=True)
    assert "upkeep is put off" in site.log()
