"""The keys as they are in the database, at most a second or two ago."""

import threading
import time
from collections.abc import Callable

from codes_dict import Code, Refusal
from security.keys import KeySet

EVERY_S = 1.0
"""Seconds between two looks at the database."""
FRESH_S = 2.0
"""Seconds for which a look counts: within them a revoked key is refused everywhere."""
LATE_S = 10.0
"""Seconds for which it tells whose requests are received at all."""


class Keyring:
    """Keeps the result of `load`, which is the keys or a `Refusal` where they cannot be read. Thread-safe.

    What is older than `FRESH_S` counts for nothing: while the database is away, nobody gets in.
    """

    def __init__(self, load: Callable[[], KeySet], clock: Callable[[], float] = time.monotonic) -> None:
        self._load, self._clock = load, clock
        self._loading, self._is_over = threading.Lock(), threading.Event()
        self._loaded: tuple[float, KeySet | Refusal] | None = None
        self._thread: threading.Thread | None = None

    def current(self) -> KeySet:
        """Return the keys, from the database where the last look is too old; raises the `Refusal` of `load`."""
        found = self._within(FRESH_S)
        if found is None:
            with self._loading:
                found = self._within(FRESH_S) or self._look()
        return _keys(found)

    def known(self) -> KeySet:
        """Return the keys without waiting for the database; raises `Refusal(BUSY)` where the last look is too old.

        They may be of up to `LATE_S` ago, as on a busy machine the thread comes late: `current` decides later on.
        """
        return _keys(self._within(LATE_S) or Refusal(Code.BUSY))

    def is_fresh(self) -> bool:
        """Whether the last look counts."""
        return self._within(FRESH_S) is not None

    def refresh(self) -> None:
        """Look now: whoever has changed a key calls this, so that it counts at once in this process."""
        with self._loading:
            self._look()

    def start(self) -> None:
        """Keep looking, in a thread, until `stop`."""
        self._thread = threading.Thread(target=self._keep_looking, name="keys", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, which may still be waiting for the database."""
        self._is_over.set()

    def _keep_looking(self) -> None:
        while not self._is_over.is_set():
            self.refresh()
            self._is_over.wait(EVERY_S)

    def _within(self, seconds: float) -> KeySet | Refusal | None:
        loaded = self._loaded
        return loaded[1] if loaded is not None and self._clock() - loaded[0] < seconds else None

    def _look(self) -> KeySet | Refusal:
        """Load. The look counts from its beginning: what changed during it may not be in it."""
        began = self._clock()
        try:
            found: KeySet | Refusal = self._load()
        except Refusal as refusal:
            found, began = refusal, self._clock()
        self._loaded = began, found
        return found


def _keys(found: KeySet | Refusal) -> KeySet:
    if isinstance(found, Refusal):
        raise Refusal(found.code, found.detail)
    return found
