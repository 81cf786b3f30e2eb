"""The settings about callers, as `security` has them."""

from __future__ import annotations

from env_validator import Settings
from security.callers import Rules


def caller_rules(settings: Settings) -> Rules:
    """Return what the settings say about callers."""
    return Rules(
        allowed_hosts=frozenset(settings.allowed_hosts),
        trusted_proxies=settings.trusted_proxies,
        cors_origins=frozenset(settings.cors_origins),
    )
