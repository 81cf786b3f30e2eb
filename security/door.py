"""The operator's door: SUPER_PASSWORD opens it, unless that is one that everybody can read."""

import hashlib
import hmac
import logging
from collections.abc import Callable, Collection
from ipaddress import IPv6Address, IPv6Network

from codes_dict import Code, Refusal
from security.limits import Limits
from security.sessions import Session, Sessions

_log = logging.getLogger(__name__)

LOCKOUT = "5/15 minutes"
"""Wrong passwords from one address; beyond them it waits 30 s, twice as long each time, and after 50 for a day."""

_PUBLISHED = "The operator's side is closed: SUPER_PASSWORD is a published example. Set another one in .env."
_NONE = "The operator's side is closed: .env has no valid SUPER_PASSWORD."


class Door:
    """Lets operators in. `password` returns SUPER_PASSWORD as it is now, None where there is no valid one."""

    def __init__(
        self, password: Callable[[], str | None], published: Collection[str], sessions: Sessions | None = None
    ) -> None:
        self._password, self._published = password, published
        self._sessions = sessions or Sessions()

    def why_closed(self) -> str:
        """Return why nobody gets in, in a sentence; empty where the password opens the door."""
        password = self._password()
        if password is None:
            return _NONE
        return _PUBLISHED if password in self._published else ""

    def sign_in(self, sent: str, address: str, limits: Limits) -> tuple[str, Session]:
        """Begin a session; return its token and the session.

        Raises `Refusal`: NO_KEY for a wrong password, TOO_MANY where this address sent too many of them, NOT_ALLOWED
        where the door is closed.
        """
        closed, password = self.why_closed(), self._password()
        if closed or password is None:
            raise Refusal(Code.NOT_ALLOWED, advice=closed or _NONE)
        with limits.attempt(f"operator {_place(address)}", LOCKOUT) as fail:
            is_right = hmac.compare_digest(_hashed(sent), _hashed(password))
            if not is_right:
                fail()
        if not is_right:
            _log.warning("a wrong operator's password from %s", address)
            raise Refusal(Code.NO_KEY, advice="The password is wrong.", field="password")
        _log.info("the operator has signed in from %s", address)
        return self._sessions.begin(password)

    def session(self, token: str) -> Session | None:
        """Return the session of a token; None where it has ended, as it does with the password that began it."""
        password = self._password()
        return self._sessions.find(token, password) if token and password is not None else None

    def sign_out(self, token: str) -> None:
        """End a session."""
        self._sessions.end(token)


def _place(address: str) -> str:
    """Return what wrong passwords are counted by: of an IPv6 address its first 64 bits, as the rest is the client's."""
    try:
        found = IPv6Address(address)
    except ValueError:  # an IPv4 address, which is counted as it is
        return address
    return str(found.ipv4_mapped or IPv6Network((int(found), 64), strict=False))


def _hashed(password: str) -> bytes:
    """Return a hash of fixed length, so that comparing takes as long whatever was sent."""
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()
