"""Connections that would leave the machine are refused: the product needs none once it is ready."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any


def guarded_methods() -> dict[str, Callable[..., Any]]:
    """Return the methods of `socket.socket` that connect, each of which refuses what is not on loopback."""
    return {method: _guarded(getattr(socket.socket, method)) for method in ("connect", "connect_ex")}


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            raise AssertionError(f"a test tried to reach {address[0]}")
        return connect(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
