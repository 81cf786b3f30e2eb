"""The connection to Milvus or Milvus Lite: opened when it is needed, with time limits, reopened after a failure.

Every error is `Refusal(Code.VECTORS_DOWN)`, at the latest after `CONNECT_S`, or `CALL_S` and another connection. Every
error closes the connection: the next call opens a new one and loads the collections there, so that it works again once
Milvus is back.
"""

import contextlib
import functools
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from codes_dict import Code, Refusal

log = logging.getLogger(__name__)

CONNECT_S = 3.0
CALL_S = 5.0

EVERYTHING: Mapping[str, Any] = {"consistency_level": "Strong"}
"""Arguments of a read that has to see whatever was written before it began."""

_MILLISECOND = 1 << 18
"""One millisecond of Milvus's timestamps, which are milliseconds since 1970 and a counter of 18 bits."""
_AHEAD_MS = 1000  # a timestamp further ahead comes from another Milvus

_OPTIONS = {
    "grpc.use_local_subchannel_pool": 1,  # otherwise a new connection inherits the old one's backoff
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 500,
    "grpc.keepalive_permit_without_calls": 0,  # Milvus Lite drops clients that ping it while idle
}
_IN_BRACKETS = re.compile(r"\[[^\]]*\]?")

_IMPORTING = threading.Lock()

T = TypeVar("T")


class Prepared(Protocol):
    """A collection that has to exist and be loaded before it is used; all are prepared together."""

    def prepare(self, client: Any) -> None:
        """Create it if necessary and begin to load it; called once per connection."""

    def wait(self, client: Any) -> None:
        """Wait until it is loaded."""


class Milvus:
    """A connection to the Milvus at `uri`, opened at the first use. Thread-safe.

    Reads wait until Milvus has applied everything up to the horizon, which `wait_for` moves forward: by default they
    would wait for all that was written before the read began, by anybody, which takes Milvus a fifth of a second.
    """

    def __init__(self, uri: str) -> None:
        self._uri, self._lock = uri, threading.RLock()
        self._client: Any = None
        self._collections: list[Prepared] = []
        self._is_prepared = False
        self._failure: tuple[float, Refusal] = 0.0, Refusal(Code.VECTORS_DOWN)
        self._horizon = 0
        self._opened = 0, 0.0

    def register(self, collection: Prepared) -> None:
        """Prepare this collection too before anything is asked."""
        with self._lock:
            self._collections.append(collection)
            self._is_prepared = False

    def wait_for(self, timestamp: int) -> None:
        """Let every later read see at least what was written up to a timestamp of `now`, by whichever process."""
        with self._lock:
            self._horizon = max(self._horizon, timestamp)

    def now(self) -> int:
        """Return Milvus's time: after all writes that it has acknowledged. 0 where it has none, as Milvus Lite."""
        return self.ask(_now)

    def consistency(self) -> Mapping[str, Any]:
        """Return the arguments that make a read wait for the horizon, or for everything where that is not known."""
        opened, since = self._opened
        latest = opened + int((time.monotonic() - since) * 1000 + _AHEAD_MS) * _MILLISECOND
        if opened and 0 < self._horizon <= latest:
            return {"consistency_level": "Customized", "guarantee_timestamp": self._horizon}
        return EVERYTHING

    def ask(self, work: Callable[[Any], T]) -> T:
        """Run `work` on a client after the collections are loaded; once more if a client that was open before fails."""
        for is_last in (False, True):
            is_new, client = self._client is None, None
            try:
                client = self._connected()
                return work(client)
            except library().errors as error:
                self._discard(client)
                if is_new or is_last:
                    raise Refusal(Code.VECTORS_DOWN, safe_message(error)) from error
                log.info("Milvus failed, trying again: %s", safe_message(error))
        raise AssertionError("not reached")

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._discard(self._client)

    def _discard(self, client: Any) -> None:
        """Close a client that failed; a new one that another thread has opened by now stays open."""
        with self._lock:
            if client is None or client is not self._client:
                return
            self._client, self._is_prepared = None, False
        client.close()

    def _connected(self) -> Any:
        arrived = time.monotonic()
        with self._lock:
            if self._client is None or not self._is_prepared:
                if self._failure[0] > arrived:  # while this call waited for the lock: all who wait fail together
                    raise self._failure[1]
                try:
                    self._connect()
                except library().errors as error:
                    self._discard(self._client)
                    refusal = Refusal(Code.VECTORS_DOWN, safe_message(error))
                    self._failure = time.monotonic(), refusal
                    raise refusal from error
            return self._client

    def _connect(self) -> None:
        if self._client is None:
            self._client = library().client(self._uri, timeout=CONNECT_S, dedicated=True, grpc_options=_OPTIONS)
            self._opened = _now(self._client), time.monotonic()
        for one in self._collections:
            one.prepare(self._client)
        for one in self._collections:
            one.wait(self._client)
        self._is_prepared = True


def _now(client: Any) -> int:
    return int(client._get_connection().alloc_timestamp(timeout=CALL_S))  # MilvusClient has no method for it


def safe_message(error: Exception) -> str:
    """Return an error's message without the parts in brackets, which may be data."""
    text = str(getattr(error, "message", "")) or str(error)
    return f"{type(error).__name__}: {_IN_BRACKETS.sub('', text)[:200].strip()}"


@dataclass(frozen=True)
class Library:
    """What is used of pymilvus."""

    client: Any
    types: Any
    errors: tuple[type[Exception], ...]


@functools.cache
def library() -> Library:
    """Import pymilvus, at the first call."""
    with _IMPORTING, _no_environment_file():
        import pymilvus
    from grpc import RpcError

    for name in ("pymilvus", "milvus_lite"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # errors are reported in one line by this module
    # ValueError: gRPC raises it if another thread has closed the channel
    return Library(pymilvus.MilvusClient, pymilvus.DataType, (pymilvus.MilvusException, RpcError, OSError, ValueError))


@contextlib.contextmanager
def _no_environment_file() -> Iterator[None]:
    """Prevent the package from copying `.env`, passwords included, into the process environment at its import."""
    switch = "PYTHON_DOTENV_DISABLED"
    before = os.environ.pop(switch, None)
    os.environ[switch] = "1"
    try:
        yield
    finally:
        del os.environ[switch]
        if before is not None:
            os.environ[switch] = before
