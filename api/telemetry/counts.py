"""How often each code was the answer, per hour: kept in memory, so the counts begin anew with the process."""

import threading
import time
from collections import Counter
from collections.abc import Callable

HOUR_S = 3600
HOURS = 48
"""Hours that are kept, the current one included."""


class HourlyCounts:
    """Counts answers by code and by hour of UTC. `clock` is in seconds since 1970. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._hours: dict[int, Counter[int]] = {}
        self.since = clock()

    def add(self, code: int) -> None:
        """Count one answer."""
        hour = int(self._clock()) // HOUR_S
        with self._lock:
            self._hours.setdefault(hour, Counter())[code] += 1
            for old in [one for one in self._hours if one <= hour - HOURS]:
                del self._hours[old]

    def today(self, code: int) -> int:
        """Return how often a code was the answer since midnight, UTC."""
        return self.all_today()[code]

    def all_today(self) -> Counter[int]:
        """Return every code that was an answer since midnight, UTC, with its count."""
        midnight = int(self._clock()) // (24 * HOUR_S) * 24
        with self._lock:
            return sum((counts for hour, counts in self._hours.items() if hour >= midnight), Counter[int]())

    def by_hour(self, hours: int = 24) -> list[tuple[int, dict[int, int]]]:
        """Return the last hours, the oldest first: when each began, in seconds since 1970, and its counts by code."""
        current = int(self._clock()) // HOUR_S
        with self._lock:
            return [
                (hour * HOUR_S, dict(self._hours.get(hour, {}))) for hour in range(current - hours + 1, current + 1)
            ]
