"""The operator's sessions: kept in memory, so that signing out, a restart and another password end them."""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

IDLE_S = 15 * 60.0
"""Seconds without a request after which a session ends."""
LONGEST_S = 12 * 3600.0
"""Seconds after which a session ends, used or not."""
MOST = 20
"""Sessions at a time; beyond that the one that was idle longest ends."""


@dataclass(frozen=True)
class Session:
    """A session. `csrf` is what every request that changes something has to repeat; times are by the store's clock."""

    csrf: str = field(repr=False)
    password: bytes = field(repr=False)
    begun: float
    seen: float


class Sessions:
    """Keeps sessions by the hash of their token. `clock` is in seconds and never goes back. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._salt = secrets.token_bytes(32)

    def begin(self, password: str) -> tuple[str, Session]:
        """Begin a session for whoever knew this password; return its token, which is kept nowhere, and the session."""
        token, now = secrets.token_urlsafe(32), self._clock()
        session = Session(secrets.token_urlsafe(32), self._marked(password), now, now)
        with self._lock:
            self._drop_ended(now)
            if len(self._sessions) >= MOST:
                del self._sessions[min(self._sessions, key=lambda one: self._sessions[one].seen)]
            self._sessions[_digest(token)] = session
        return token, session

    def find(self, token: str, password: str) -> Session | None:
        """Return a session that has not ended, and count it as used now; `password` is the one that counts now."""
        now, name = self._clock(), _digest(token)
        with self._lock:
            self._drop_ended(now)
            session = self._sessions.get(name)
            if session is None or not secrets.compare_digest(session.password, self._marked(password)):
                return None
            self._sessions[name] = replace(session, seen=now)
            return session

    def end(self, token: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(_digest(token), None)

    def _drop_ended(self, now: float) -> None:
        ended = [
            name for name, one in self._sessions.items() if now - one.seen >= IDLE_S or now - one.begun >= LONGEST_S
        ]
        for name in ended:
            del self._sessions[name]

    def _marked(self, password: str) -> bytes:
        """Return what tells passwords apart without being one: the salt goes with the process."""
        return hashlib.blake2b(password.encode("utf-8", "surrogatepass"), key=self._salt).digest()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
