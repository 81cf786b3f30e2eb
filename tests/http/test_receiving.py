"""Uploads that break off: the temporary files that they began are closed."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

from api.connections import Channel

LARGE = b"x" * 800_000
"""More than is kept in memory."""


@contextmanager
def nothing_left_open() -> Iterator[None]:
    """Fail where a file is collected that nobody closed."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        yield
        gc.collect()
    assert [str(one.message) for one in caught if issubclass(one.category, ResourceWarning)] == []


def _nothing(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("204 No Content", [])
    return []


def until(done: Callable[[], bool], channels: dict[int, Any]) -> None:
    for _ in range(200):
        if done():
            return
        wasyncore.loop(timeout=0.05, use_poll=True, map=channels, count=1)
    raise AssertionError("the server did not get there")


def test_a_caller_that_hangs_up_in_the_middle_of_a_large_body_leaves_no_file_open() -> None:
    channels: dict[int, Any] = {}
    listening = socket.create_server(("127.0.0.1", 0))
    server = create_server(_nothing, map=channels, sockets=[listening], threads=1, inbuf_overflow=1000)
    server.channel_class = Channel
    server.adj.body_limit = lambda: 10_000_000
    server.adj.may_send = lambda _: None
    try:
        with nothing_left_open():
            with socket.create_connection(listening.getsockname()) as caller:
                caller.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n" + LARGE[:50_000])
                until(lambda: any(_received(one) >= 50_000 for one in server.active_channels.values()), channels)
            until(lambda: not server.active_channels, channels)
    finally:
        server.task_dispatcher.shutdown()
        wasyncore.close_all(channels, ignore_all=True)


def _received(channel: Any) -> int:
    return len(channel.request.body_rcv.getbuf()) if channel.request and channel.request.body_rcv else 0
