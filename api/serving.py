"""The production server: waitress, with a clean shutdown. It buffers uploads: a slow client occupies no thread."""

from __future__ import annotations

import errno
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from waitress import wasyncore
from waitress.server import create_server

from api.connections import CONNECTIONS, Channel
from api.head import Head
from api.receiving import LONGEST_HEADER
from codes_dict import Refusal

DRAINING_S = 30.0
BACKLOG = 256
RECEIVED_AT_ONCE = 64 * 1024
CHECK_S = 0.5
"""Seconds between two looks at how long requests take to arrive."""
FILES = 4096
"""Files and connections that the process may have open, where the system allows that many."""
NEVER = 1 << 62

_log = logging.getLogger(__name__)


class CannotListenError(Exception):
    """Why the server cannot listen there, in one sentence."""


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address, so that a port in use shows before anything heavy is loaded.

    Raises `CannotListenError`.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListenError(f"Cannot listen on {host}: {error.strerror}. Set HOST in .env.") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotListenError(f"Port {port} is already in use. Set PORT in .env.") from None
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListenError(f"Cannot listen on {host}:{port}: {reason}. Set HOST and PORT.") from None
    return bound


def address_of(listening: socket.socket) -> str:
    """Return the address of a socket that `open_socket` made."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    app: Callable[..., Any],
    listening: socket.socket,
    threads: int,
    on_ready: Callable[[str], None],
    body_limit: Callable[[], int] = lambda: NEVER,
    draining_s: float = DRAINING_S,
    may_send: Callable[[Head], Refusal | None] = lambda _: None,
    on_stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve the WSGI application until SIGTERM or Ctrl-C, then finish pending requests (at most `draining_s` seconds).

    `on_ready` gets the address when requests are accepted, `on_stopping` is called when they no longer are. A request
    body larger than `body_limit()` bytes is received but not kept: the application sees its length and no content.
    None is received where `may_send(head)` refuses. A request that is refused, or that cannot be read, reaches the
    application with `receiving.REFUSAL` in its environment. Call in the main thread.
    """
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    _allow_open_files()
    loop = _Loop()
    server = _server(app, listening, threads, loop)
    server.adj.body_limit = body_limit
    server.adj.may_send = may_send
    with _stop_signals(server.pull_trigger) as is_stopping:
        on_ready(address_of(listening))
        while not is_stopping():
            loop.turn(server, CHECK_S)
        _log.info("stopping: no new connections; pending requests finish")
        on_stopping()
        _drain(server, loop, draining_s)


def _server(app: Callable[..., Any], listening: socket.socket, threads: int, loop: _Loop) -> Any:
    server = create_server(
        app,
        map=loop.channels,
        sockets=[listening],
        threads=threads,
        connection_limit=CONNECTIONS + BACKLOG,
        backlog=BACKLOG,
        ident=None,
        max_request_body_size=NEVER,
        max_request_header_size=LONGEST_HEADER,
        recv_bytes=RECEIVED_AT_ONCE,
        clear_untrusted_proxy_headers=False,  # `api.loopback` refuses them, `api.head` reads them
    )
    server.channel_class = Channel
    return server


def exit_now(status: int) -> NoReturn:
    """End the process with its exit status, without Python's own shutdown.

    That shutdown crashes in libraries that another thread is still loading. The server has closed everything before.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class _Loop:
    """Waits for the sockets, and looks after requests that take long to arrive."""

    def __init__(self) -> None:
        self.channels: dict[int, Any] = {}
        self._next_check = 0.0

    def turn(self, server: Any, seconds: float) -> None:
        """Serve what the sockets have to say, waiting at most `seconds` for it."""
        wasyncore.loop(timeout=seconds, use_poll=True, map=self.channels, count=1)
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + CHECK_S
            for channel in list(server.active_channels.values()):
                channel.check(now)


def _allow_open_files() -> None:
    """Raise the soft limit of open files, which is 1024 on many systems: connections and uploads need more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _drain(server: Any, loop: _Loop, seconds: float) -> None:
    """Stop accepting, let pending requests be answered, and end the threads."""
    for _ in range(BACKLOG):  # each turn accepts one client; those who have connected already are pending
        loop.turn(server, 0.0)
    wasyncore.dispatcher.close(server)  # the listening socket alone: the trigger still wakes the loop
    deadline = time.monotonic() + seconds
    while server.active_channels and time.monotonic() < deadline:
        for channel in list(server.active_channels.values()):
            channel.will_close = channel.will_close or channel.is_idle()
        loop.turn(server, 0.1)
    if server.active_channels:
        _log.warning("%d connections were cut after %.0f s", len(server.active_channels), seconds)
    server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
    wasyncore.close_all(loop.channels, ignore_all=True)


@contextmanager
def _stop_signals(wake: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Turn the first SIGTERM or Ctrl-C into a request to stop; the second one has its usual effect."""
    seen: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(number: int, frame: object) -> None:
        seen.append(number)
        restore()
        wake()

    for number in before:
        signal.signal(number, stop)
    try:
        yield lambda: bool(seen)
    finally:
        restore()
