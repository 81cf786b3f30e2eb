"""A request's head: all that decides who may what, known before the body is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from security.callers import Rules


@dataclass(frozen=True)
class Head:
    """Method, path, HTTP version as `1.1`, the peer's address, and headers by upper-case name with underscores."""

    method: str
    path: str
    version: str
    peer: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Head:
        """Read the head from a WSGI environment."""
        headers = {key.removeprefix("HTTP_"): value for key, value in environ.items() if key.startswith("HTTP_")}
        version = str(environ.get("SERVER_PROTOCOL", "")).removeprefix("HTTP/")
        return cls(environ["REQUEST_METHOD"], environ["PATH_INFO"], version, environ.get("REMOTE_ADDR") or "", headers)

    def client(self, rules: Rules) -> str:
        """Return the client's address: the peer's, or what trusted proxies say in X-Forwarded-For about theirs."""
        address = self.peer
        for hop in reversed(self.headers.get("X_FORWARDED_FOR", "").split(",")):
            if not is_proxy(address, rules) or as_address(hop.strip()) is None:
                break
            address = hop.strip()
        return address


def as_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address, an IPv4 address that is written as IPv6 as the former; None for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_proxy(text: str, rules: Rules) -> bool:
    """Whether an address is one of TRUSTED_PROXIES."""
    address = as_address(text)
    return address is not None and any(
        isinstance(network, IPv6Network) == isinstance(address, IPv6Address) and address in network
        for network in rules.trusted_proxies
    )
