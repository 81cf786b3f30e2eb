"""Ports for servers that are started later, or stopped for a while and started again."""

import secrets
import socket
from contextlib import suppress
from pathlib import Path

_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _END = 20_000, 65_536
_HELD: list[socket.socket] = []


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nobody listens, each once in all processes of this machine.

    On Linux it is none that the system gives to outgoing connections: one of those could take it before its server
    does, and whoever looks for that server could reach itself.
    """
    ports = _ports()
    while ports:
        port = secrets.choice(ports)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            _hold(port)
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ports() -> list[int]:
    """Return the ports that no outgoing connection gets; none where the system does not tell."""
    try:
        first, last = map(int, _OUTGOING.read_text().split())
    except (OSError, ValueError):
        return []
    return [*range(_LOWEST, first), *range(last + 1, _END)]


def _hold(port: int) -> None:
    """Keep the port from others who ask, until this process ends; raises `OSError` where another one has it."""
    held = socket.socket(socket.AF_UNIX)
    try:
        held.bind(f"\0faceapp-port-{port}")  # a name of Linux that is no file and ends with the process
    except OSError:
        held.close()
        raise
    _HELD.append(held)
