"""The application behind the real receiver of requests, on a socket, without models and records."""

from __future__ import annotations

import socket
import threading
from typing import Any, cast

from waitress import wasyncore
from waitress.server import create_server

from api.access import refusal_of
from api.connections import Channel
from api.source import Source
from faceapp import create_app
from tests.http.front import FrontSource


class Served:
    """Serves a source at `address` until it is closed."""

    def __init__(self, front: FrontSource) -> None:
        source = cast(Source, front)
        self._channels: dict[int, Any] = {}
        listening = socket.create_server(("127.0.0.1", 0))
        self.address = listening.getsockname()
        self._server = create_server(
            create_app(source), map=self._channels, sockets=[listening], threads=2, clear_untrusted_proxy_headers=False
        )
        self._server.channel_class = Channel
        self._server.adj.body_limit = lambda: 1 << 20
        self._server.adj.may_send = lambda head: refusal_of(head, source)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def _loop(self) -> None:
        while not self._is_over.is_set():
            wasyncore.loop(timeout=0.05, use_poll=True, map=self._channels, count=1)

    def close(self) -> None:
        """Close every connection."""
        self._is_over.set()
        self._thread.join()
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._channels, ignore_all=True)
