"""Once the packages are installed the server needs nobody: it loads, enrols and verifies with all sockets closed."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from bootstrap.engines import liveness_loader
from bootstrap.models import LoadedModels
from tests.http.site import Site, code, variant

pytestmark = pytest.mark.models


def closed(*_: Any, **__: Any) -> None:
    raise AssertionError("the server opened a connection")


def test_the_ready_server_opens_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: bytes
) -> None:
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, closed)
    monkeypatch.setattr(socket, "getaddrinfo", closed)
    models = LoadedModels(tmp_path / "weights")
    site = Site(tmp_path, models, liveness_loader(), ENROL_LIVENESS="warn")
    site.container.warm()
    site.enrolled(astronaut)
    assert code(site.verify(site.uploaded(variant(astronaut)))) == 200
    site.close()
    models.close()
