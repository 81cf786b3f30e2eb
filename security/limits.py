"""How often a caller may ask, and how often an ID may fail to verify, on this server or over all that share a Redis."""

import hashlib
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from codes_dict import Code, Kind, Refusal

DAY_S = 86_400
FIRST_WAIT_S, LONGEST_WAIT_S = 30, 3600
"""Seconds after the failure that used the limit up; each further failure doubles them, up to the longest."""
STOP = 50
"""Failures of an ID, without a success between them, after which it is closed for the rest of a day."""
MOST_KNOWN = 10_000
MEMORY = "memory://"
REDIS_OPTIONS = {"socket_timeout": 2, "socket_connect_timeout": 2}


class Limits:
    """Counts requests by caller and failed verifications by ID. Thread-safe. An empty limit is none.

    Where the store cannot be reached, every limited request is `Refusal(BUSY)`.
    """

    def __init__(self, store: str = MEMORY) -> None:
        options = {} if store == MEMORY else REDIS_OPTIONS
        opened = storage_from_string(store, wrap_exceptions=True, **options)
        if not isinstance(opened, Storage):
            raise TypeError(store)
        self._storage = opened
        self._window = MovingWindowRateLimiter(opened)
        self._lock = threading.Lock()
        self._exhausted: dict[str, float] = {}
        self._under_way: Counter[str] = Counter()

    def take(self, caller: str, limit: str) -> None:
        """Count a request; raises `Refusal(TOO_MANY)` beyond the limit."""
        if not limit:
            return
        item = parse(limit)
        with _reaching():
            if self._window.hit(item, "requests", caller):
                return
            until = self._window.get_window_stats(item, "requests", caller).reset_time
        with self._lock:
            if len(self._exhausted) >= MOST_KNOWN:
                self._exhausted.clear()
            self._exhausted[caller] = until
        raise too_many(until)

    def check_known(self, caller: str, limit: str) -> None:
        """Raise `Refusal(TOO_MANY)` where this process knows the limit to be used up; asks no store, counts nothing."""
        until = self._exhausted.get(caller, 0.0)
        if limit and until > time.time():
            raise too_many(until)

    @contextmanager
    def attempt(self, person_id: str, limit: str) -> Iterator[Callable[[], None]]:
        """Let one attempt at an ID run in the block: a failure where a verdict refuses, a success where nothing does.

        A block that ends well all the same calls what it gets where it was a failure. Raises `Refusal(TOO_MANY)` at
        once while the ID has to wait. As many run together as failures are left.
        """
        failures = list[bool]()
        fail = partial(failures.append, True)
        if not limit:
            yield fail
            return
        item, name = parse(limit), hashlib.sha256(person_id.encode("utf-8", "surrogatepass")).hexdigest()
        self._enter(item, name)
        try:
            yield fail
        except Refusal as refusal:
            if refusal.code.kind is Kind.VERDICT:
                self._failed(item, name)
            raise
        else:
            (self._failed if failures else self._forget)(item, name)
        finally:
            with self._lock:
                self._under_way -= Counter({name: 1})

    def lift(self, person_id: str, limit: str) -> None:
        """Forget the failures of an ID."""
        if limit:
            self._forget(parse(limit), hashlib.sha256(person_id.encode("utf-8", "surrogatepass")).hexdigest())

    def _enter(self, item: RateLimitItem, name: str) -> None:
        with self._lock, _reaching():
            if self._storage.get(_key(name, "total")) >= STOP:
                raise too_many(self._storage.get_expiry(_key(name, "total")))
            if self._storage.get(_key(name, "wait")):
                raise too_many(self._storage.get_expiry(_key(name, "wait")))
            left = self._window.get_window_stats(item, "failed", name).remaining
            if self._under_way[name] >= (1 if self._storage.get(_key(name, "strikes")) else max(left, 1)):
                raise too_many(time.time() + 1)
            self._under_way[name] += 1

    def _failed(self, item: RateLimitItem, name: str) -> None:
        with self._lock, _reaching():
            self._window.hit(item, "failed", name)
            self._storage.incr(_key(name, "total"), DAY_S)
            if self._storage.get(_key(name, "strikes")) or not self._window.test(item, "failed", name):
                strikes = self._storage.incr(_key(name, "strikes"), DAY_S)
                self._storage.clear(_key(name, "wait"))
                self._storage.incr(_key(name, "wait"), min(FIRST_WAIT_S * 2 ** (strikes - 1), LONGEST_WAIT_S))

    def _forget(self, item: RateLimitItem, name: str) -> None:
        with self._lock, _reaching():
            for key in (_key(name, "total"), _key(name, "wait"), _key(name, "strikes")):
                self._storage.clear(key)
            self._window.clear(item, "failed", name)


def too_many(until: float) -> Refusal:
    """Return the refusal of a request that may be sent again at a time, in seconds since 1970."""
    return Refusal(Code.TOO_MANY, results={"retry_after": max(1, math.ceil(until - time.time()))})


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise Refusal(Code.BUSY, f"LIMIT_STORE: {type(error.storage_error).__name__}") from error


def _key(name: str, what: str) -> str:
    return f"faceapp/{name}/{what}"
