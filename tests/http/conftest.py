"""Fixtures for tests over HTTP: one set of loaded models for all of them, one server's folder for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.engines import liveness_loader
from bootstrap.liveness import LivenessLoader
from bootstrap.models import LoadedModels
from tests.http.site import ROOT, Site


@pytest.fixture(scope="session")
def models() -> Iterator[LoadedModels]:
    """Return models that stay loaded for the whole session."""
    loaded = LoadedModels(ROOT / "bin" / "model" / "weights")
    yield loaded
    loaded.close()


@pytest.fixture(scope="session")
def keeper() -> LivenessLoader:
    """Return a keeper of liveness judges for the whole session."""
    return liveness_loader()


@pytest.fixture
def make_site(tmp_path: Path, models: LoadedModels, keeper: LivenessLoader) -> Iterator[Callable[..., Site]]:
    """Return a maker of servers; changes to the settings are its arguments."""
    sites: list[Site] = []

    def make(**changes: str) -> Site:
        folder = tmp_path / f"site{len(sites)}"
        folder.mkdir()
        sites.append(Site(folder, models, keeper, **changes))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """Return a server with the embedded settings."""
    return make_site()
