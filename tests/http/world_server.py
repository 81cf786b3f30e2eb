"""The whole application over flows with models that see colours: what a client meets, in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import httpx

from api.source import Source
from codes_dict import Code
from faceapp import create_app
from pipeline.flows import Services
from tests.flows.world import World
from tests.http.front import FrontSource

URL = "http://localhost"


class WorldSource(FrontSource):
    """A source whose services are a world's."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    @contextmanager
    def lease(self) -> Iterator[Services]:
        """Lend the world's services."""
        yield self._world.services

    def lacking(self) -> Mapping[str, Code]:
        """Lack nothing."""
        return {}


def transport_to(world: World) -> httpx.WSGITransport:
    """Return what takes a client's requests to an application over the world, without a socket."""
    return httpx.WSGITransport(app=create_app(cast(Source, WorldSource(world))))
