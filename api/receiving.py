"""How a request is read from the wire: waitress's parser, stricter where a request can be read in two ways.

The application says what is wrong with a request, in its envelope and log: it finds a `Refusal` in the environment.
A body over the limit is taken from the wire and dropped, so that the reply reaches the client: closing the connection
in the middle of an upload makes most clients report a broken connection instead.
"""

import re
from io import BytesIO
from typing import Any

from waitress.buffers import OverflowableBuffer
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import WSGITask
from waitress.utilities import BadRequest

from api.head import Head
from codes_dict import Code, Refusal

REFUSAL = "faceapp.refusal"
"""Key of the WSGI environment: the `Refusal` of a request that could not be read."""
LONGEST_HEADER = 64 * 1024
"""Bytes of the request line and all headers together."""
LONGEST_CHUNK_LINE = 4 * 1024
"""Bytes of a line between two chunks of a body, and of the trailer."""

_CODES = {413: Code.TOO_LARGE, 500: Code.INTERNAL}
_ADVICE = {431: f"Keep the request line and the headers below {LONGEST_HEADER} bytes together."}
_TRANSFER_ENCODING = re.compile(rb"^transfer-encoding:(.*?)\r?$", re.IGNORECASE | re.MULTILINE)


class LimitedBuffer(OverflowableBuffer):  # type: ignore[misc]
    """Keeps a body up to a limit in bytes; beyond it, keeps nothing more but continues to count."""

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
    """Receives one request; the body goes into a `LimitedBuffer`. The attributes are those of an unreadable request."""

    command, path, query, request_uri, url_scheme = "GET", "/", "", "/", "http"
    refusal: Refusal | None = None

    def __init__(self, adj: Any, peer: str = "") -> None:
        super().__init__(adj)
        self._peer = peer

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the header; raises `ParsingError` where it can be read in two ways."""
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # from Python's own parsers: a malformed host in the URI, a length of 5,000 digits
            raise ParsingError("Malformed request line or Content-Length") from error
        self._refuse_ambiguous(_TRANSFER_ENCODING.findall(header_plus))
        self.path = self.path or "/"
        if self.body_rcv is None:
            self.expect_continue = False  # waitress would wait for a body
            return
        head = Head(self.command, self.path, self.version, self._peer, self.headers)
        refusal = self.adj.may_send(head)
        if refusal is not None:
            self._end(refusal)
            return
        if self.headers.get("CONTENT_ENCODING", "identity").lower() != "identity":
            self.refuse("Send the body as it is, uncompressed and without Content-Encoding.")
            return
        limit = self.adj.body_limit()
        keeps = 0 if self.content_length > limit else limit
        self.body_rcv.buf = LimitedBuffer(self.adj.inbuf_overflow, keeps)

    def _refuse_ambiguous(self, encodings: list[bytes]) -> None:
        advice = ""
        if encodings and "CONTENT_LENGTH" in self.headers:
            advice = "Send either Content-Length or Transfer-Encoding, not both."
        elif encodings and (self.version != "1.1" or [one.strip(b" \t").lower() for one in encodings] != [b"chunked"]):
            advice = "Send Transfer-Encoding: chunked once, in HTTP/1.1, or Content-Length."
        elif "," in self.headers.get("HOST", ""):
            advice = "Send one Host header."
        elif self.proxy_netloc and self.proxy_netloc.lower() != self.headers.get("HOST", "").lower():
            advice = "Send the host of the request line as Host, too."
        if advice:
            self.refuse(advice)
            raise ParsingError(advice)

    def received(self, data: bytes) -> int:
        """Take bytes of the request; returns how many of them belong to it."""
        taken = int(super().received(data))
        chunks = self.body_rcv if self.chunked else None
        if chunks is not None and len(chunks.control_line) + len(chunks.trailer) > LONGEST_CHUNK_LINE:
            self.refuse("Keep the lines between the chunks of the body short.")
        return taken

    def refuse(self, advice: str, retry: bool = False) -> None:
        """End the request where it is; the client is told what to do."""
        self._end(Refusal(Code.MALFORMED, advice=advice, retry=retry))

    def _end(self, refusal: Refusal) -> None:
        self.refusal, self.error = refusal, BadRequest(refusal.advice)
        self.expect_continue = False  # waitress would ask for the body
        self.completed = True

    def as_refusal(self) -> Refusal:
        """Return what the client is told, which waitress found wrong or `refuse` was given."""
        status = self.error.code if self.error else 400
        return self.refusal or Refusal(_CODES.get(status, Code.MALFORMED), advice=_ADVICE.get(status, ""))


class RefusedTask(WSGITask):  # type: ignore[misc]
    """Has the application answer a request that could not be read, and ends the connection."""

    def execute(self) -> None:
        """Reply."""
        self.set_close_on_finish()
        super().execute()

    def get_environment(self) -> dict[str, Any]:
        """Return the environment of a request without a body that carries its refusal."""
        environ: dict[str, Any] = super().get_environment()
        return {**environ, REFUSAL: self.request.as_refusal(), "CONTENT_LENGTH": "0", "wsgi.input": BytesIO()}
