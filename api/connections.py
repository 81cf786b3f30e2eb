"""A client's connection: how long a request may take to arrive, who makes room in a crowd, and how it ends."""

import socket
import threading
import time
from functools import partial
from typing import Any

from waitress.channel import HTTPChannel

from api.receiving import Parser, RefusedTask

CONNECTIONS = 1000
"""Connections that are kept open; beyond that the one that has taken longest to send a request is closed."""
HEADER_S = 8.0
"""Seconds from a request's first byte to the end of its headers."""
STALL_S = 8.0
"""Seconds without a byte of a body that is not complete."""
BODY_S, LEAST_RATE, LONGEST_BODY_S = 30.0, 16 * 1024, 900.0
"""Seconds for a body, bytes of it that earn it another second, and seconds for the longest."""
LINGER_S = 3.0
"""Seconds in which a client may finish sending after the last reply: closing earlier would take the reply from it."""

_SLOW = "The request arrived too slowly. Send it again, over a better connection or with smaller photos."


class Channel(HTTPChannel):  # type: ignore[misc]
    """A client's connection. All methods but `service` run in the server's main thread."""

    error_task_class = RefusedTask
    most_connections = CONNECTIONS
    request: Parser | None
    requests: list[Parser]
    requests_lock: threading.Lock
    will_close: bool
    close_when_flushed: bool

    def __init__(self, server: Any, sock: socket.socket, addr: Any, adj: Any, map: Any = None) -> None:  # noqa: A002
        super().__init__(server, sock, addr, adj, map)
        self.parser_class = partial(Parser, peer=str(addr[0]))
        self._begun = self._heard = time.monotonic()
        self._lingers_until: float | None = None
        _make_room([one for one in server.active_channels.values() if one is not self], self.most_connections)

    # -- receiving -----------------------------------------------------------------------------------------
    def readable(self) -> bool:
        """Whether bytes are wanted now."""
        return self._lingers_until is not None or bool(super().readable())

    def handle_read(self) -> None:
        """Take bytes. A client that stops sending in the middle of a request is told so: it may still listen."""
        if self._lingers_until is not None:
            self._discard()
        elif self.request is not None and not self.requests and self._has_ended():
            self._refuse(self.request, "The connection ended before the request was complete. Send the whole request.")
        else:
            super().handle_read()

    def received(self, data: bytes) -> bool:
        """Parse bytes into requests."""
        self._heard = time.monotonic()
        if self.request is None:
            self._begun = self._heard
        return bool(super().received(data))

    def check(self, now: float) -> None:
        """Refuse a request that takes too long to arrive; close a connection that has lingered long enough."""
        if self._lingers_until is not None:
            self.will_close = self.will_close or now > self._lingers_until
        elif self.requests:
            self._begun = self._heard = now  # what follows is received only after the reply
        elif self.will_close or self.close_when_flushed:
            pass
        elif self.request is not None and self._is_overdue(self.request, now):
            self._refuse(self.request, _SLOW)

    def _is_overdue(self, request: Parser, now: float) -> bool:
        if not request.headers_finished:
            return now - self._begun > HEADER_S
        allowed = min(BODY_S + request.body_bytes_received / LEAST_RATE, LONGEST_BODY_S)
        return now - self._heard > STALL_S or now - self._begun > allowed

    def _refuse(self, request: Parser, advice: str) -> None:
        """Have the client told why its request ends here; the connection ends with it."""
        request.refuse(advice, retry=True)
        with self.requests_lock:
            self.request = None
            self.requests.append(request)
        self.server.add_task(self)

    def _has_ended(self) -> bool:
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return False

    # -- making room ---------------------------------------------------------------------------------------
    def rank(self) -> tuple[int, float]:
        """Return how soon this connection makes room for others, smallest first: finished, slow, then uploads."""
        if self._lingers_until is not None:
            return 0, self._lingers_until
        is_upload = self.request is not None and self.request.headers_finished
        return (2, self._heard) if is_upload else (1, self._begun)

    # -- ending --------------------------------------------------------------------------------------------
    def handle_write(self) -> None:
        """Send what is left of replies. After the last one only the sending side is closed at first."""
        if not self.close_when_flushed:
            super().handle_write()
            return
        self.close_when_flushed = False
        super().handle_write()
        if self.connected and self.total_outbufs_len:
            self.close_when_flushed = True
        elif self.connected:
            self._linger()

    def _linger(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()
        self._lingers_until = time.monotonic() + LINGER_S

    def _discard(self) -> None:
        try:
            self.recv(self.adj.recv_bytes)  # closes the connection at its end
        except OSError:
            self.handle_close()

    def handle_close(self) -> None:
        """Close the connection, and with it the file of a body that was half received."""
        super().handle_close()
        if self.requests_lock.acquire(blocking=False):  # else it is being received right now: waiting could deadlock
            try:
                if self.request is not None:
                    self.request.close()
                    self.request = None
            finally:
                self.requests_lock.release()

    def is_idle(self) -> bool:
        """Tell whether nothing is going on: no request half received, none worked on, no reply half sent."""
        return not self.requests and self.request is None and not self.total_outbufs_len


def _make_room(others: list[Channel], most: int) -> None:
    """Mark the connection that is least missed, so that it is closed in the loop's next round."""
    if len(others) >= most:
        open_ones = [one for one in others if not one.will_close]
        waiting = [one for one in open_ones if not one.requests]
        if waiting and len(open_ones) >= most:
            min(waiting, key=Channel.rank).will_close = True
