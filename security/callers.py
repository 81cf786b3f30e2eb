"""Who calls, and what the caller may do."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

ADMIN = "admin"
SCOPES = ("upload", "enrol", "verify", "search", "people", "facehash", ADMIN)
"""What a key can open. `admin` opens everything."""


@dataclass(frozen=True)
class Rules:
    """What the operator decides about callers; the defaults apply while the settings are wrong."""

    allowed_hosts: frozenset[str] = frozenset()
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    cors_origins: frozenset[str] = frozenset()
    hide_unknown: str = "auto"
    request_limit: str = ""
    failed_verify_limit: str = ""
    metrics_open: bool = False


@dataclass(frozen=True)
class Caller:
    """A caller with its scopes; `key_id` is empty where no key was used. `address` is the client's, as far as known.

    `is_known` is false while the settings are wrong: nobody can tell then whether keys are needed.
    """

    scopes: frozenset[str] = frozenset()
    key_id: str = ""
    address: str = ""
    is_known: bool = True

    def may(self, scope: str) -> bool:
        """Whether the caller has this scope."""
        return scope in self.scopes or self.is_admin

    @property
    def is_admin(self) -> bool:
        """Whether the caller is an operator: has the scope `admin`, or calls the open server from its own machine."""
        return ADMIN in self.scopes

    def sees_unknown(self, hide_unknown: str) -> bool:
        """Whether the caller may learn who is not enrolled: `auto` tells operators, `true` admins' keys alone."""
        if hide_unknown == "false":
            return True
        return self.is_admin and (hide_unknown == "auto" or bool(self.key_id))
