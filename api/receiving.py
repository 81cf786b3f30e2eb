"""How requests are received: bodies over the limit are taken from the wire and dropped, so that the reply gets through.

Closing the connection in the middle of an upload, which is waitress's own way, makes most clients report a broken
connection instead of the reply. Whatever becomes of a request, its temporary files are closed with it.
"""

from __future__ import annotations

from typing import Any

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser


class LimitedBuffer(OverflowableBuffer):  # type: ignore[misc]
    """Keeps a body up to a limit in bytes; over it, keeps nothing more but goes on counting."""

    def __init__(self, overflow: int, limit: int) -> None:
        super().__init__(overflow)
        self._limit = limit
        self._dropped = 0

    def __len__(self) -> int:
        return int(super().__len__()) + self._dropped

    def append(self, data: bytes) -> None:
        """Keep or count the next bytes."""
        if self._dropped or len(self) + len(data) > self._limit:
            self._dropped += len(data)
        else:
            super().append(data)


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Receives one request; the body goes into a `LimitedBuffer`."""

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the header, and see to where the body goes."""
        super().parse_header(header_plus)
        if self.body_rcv is not None:
            limit = self.adj.body_limit()
            keeps = 0 if self.content_length > limit else limit
            self.body_rcv.buf = LimitedBuffer(self.adj.inbuf_overflow, keeps)


class Channel(HTTPChannel):  # type: ignore[misc]
    """A client's connection."""

    parser_class = Parser
    request: Any
    requests: list[Any]
    requests_lock: Any

    def handle_close(self) -> None:
        """Close the connection, and with it the file of a body that was half received."""
        super().handle_close()
        if self.requests_lock.acquire(blocking=False):  # otherwise it is just being received: waiting could dead-lock
            try:
                if self.request is not None:
                    self.request.close()
                    self.request = None
            finally:
                self.requests_lock.release()

    def is_idle(self) -> bool:
        """Tell whether nothing is under way here: no request half received, none worked on, no reply half sent."""
        return not self.requests and self.request is None and not self.total_outbufs_len
