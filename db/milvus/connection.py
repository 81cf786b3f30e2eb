"""The connection to Milvus or Milvus Lite: opened when it is needed, with time limits, reopened after a failure.

Every error is `Refusal(Code.VECTORS_DOWN)`, at the latest after `CONNECT_S`, or `CALL_S` and another connection. Every
error closes the connection: the next call opens a new one and loads the collections there, so that it works again once
Milvus is back.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from codes_dict import Code, Refusal

log = logging.getLogger(__name__)

CONNECT_S = 3.0
CALL_S = 5.0

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
    """A collection that has to exist and be loaded before it is used."""

    @property
    def name(self) -> str:
        """The collection's name in Milvus."""
        ...

    def prepare(self, client: Any) -> None:
        """Create and load it if necessary; called once per connection."""
        ...


class Milvus:
    """A connection to the Milvus at `uri`, opened at the first use. Thread-safe."""

    def __init__(self, uri: str) -> None:
        self._uri, self._lock = uri, threading.RLock()
        self._client: Any = None
        self._ready: set[str] = set()
        self._failure: tuple[float, Refusal] = 0.0, Refusal(Code.VECTORS_DOWN)

    def ask(self, collection: Prepared, work: Callable[[Any], T]) -> T:
        """Run `work` on a client after the collection is loaded; once more if a client that was open before fails."""
        for is_last in (False, True):
            is_new, client = self._client is None, None
            try:
                client = self._connected(collection)
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
            self._client, self._ready = None, set()
        client.close()

    def _connected(self, collection: Prepared) -> Any:
        arrived = time.monotonic()
        with self._lock:
            if self._client is None:
                if self._failure[0] > arrived:  # while this call waited for the lock: all who wait fail together
                    raise self._failure[1]
                self._client = self._connect()
            if collection.name not in self._ready:
                try:
                    collection.prepare(self._client)
                except library().errors:
                    self._discard(self._client)
                    raise
                self._ready.add(collection.name)
            return self._client

    def _connect(self) -> Any:
        try:
            return library().client(self._uri, timeout=CONNECT_S, dedicated=True, grpc_options=_OPTIONS)
        except library().errors as error:
            refusal = Refusal(Code.VECTORS_DOWN, safe_message(error))
            self._failure = time.monotonic(), refusal
            raise refusal from error


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
