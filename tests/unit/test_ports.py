"""Ports for servers: none that an outgoing connection may take, and none that another process was given."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tools.installation import ports
from tools.installation.ports import free_port


def test_a_port_is_none_of_outgoing_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "range"
    told.write_text("20002\t65533\n")
    monkeypatch.setattr(ports, "_OUTGOING", told)
    assert ports._ports() == [20_000, 20_001, 65_534, 65_535]


def test_a_port_that_somebody_uses_is_given_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_port()
    monkeypatch.setattr(ports, "_hold", lambda _port: None)
    with socket.create_server(("127.0.0.1", 0)) as used:
        monkeypatch.setattr(ports, "_ports", lambda: [used.getsockname()[1], free])
        assert [free_port() for _ in range(20)] == [free] * 20


def test_a_port_that_was_given_is_given_to_nobody_else() -> None:
    with pytest.raises(OSError, match="in use"):
        ports._hold(free_port())


def test_where_the_system_does_not_tell_any_free_port_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_OUTGOING", tmp_path / "missing")
    assert free_port() > 0
