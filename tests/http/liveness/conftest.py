"""Servers where one person is enrolled and the photo is good: without a failure, a request verifies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootstrap.liveness import LivenessLoader
from bootstrap.models import LoadedModels
from tests.http.liveness_models import make_model
from tests.http.site import Site


@pytest.fixture(scope="session")
def good_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that finds every face live."""
    folder = tmp_path_factory.mktemp("good")
    make_model(folder / "liveness.h5")
    return folder


@pytest.fixture
def site(make_site: Callable[..., Site], good_model: Path, tmp_path: Path, astronaut: bytes) -> Site:
    """Return a server with a copy of that model, where one person is enrolled."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in good_model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    site = make_site(MODEL_PATH=str(folder), MODEL_NAME="liveness.h5", ALLOW_SKIP_LIVENESS="false")
    site.enrolled(astronaut)
    return site


@pytest.fixture
def served(tmp_path: Path, models: LoadedModels, astronaut: bytes) -> Iterator[Callable[..., Site]]:
    """Return a maker of servers with a given keeper, where one person is enrolled."""
    sites: list[Site] = []

    def make(keeper: LivenessLoader, loaded: LoadedModels | None = None) -> Site:
        sites.append(Site(tmp_path, loaded or models, keeper, ALLOW_SKIP_LIVENESS="false"))
        sites[-1].enrolled(astronaut)
        return sites[-1]

    yield make
    for site in sites:
        site.close()
