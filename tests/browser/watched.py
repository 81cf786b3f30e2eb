"""A page that fails its test on a console error, and on a request to another host."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request

REFUSED = "Failed to load resource: the server responded with a status of "
"""How the browser reports every HTTP status of 400 or more, those that a test is about included."""
LOST = "Failed to load resource: net::"
"""How it reports a request that got no reply."""

OWN = ("blob", "data")


class Watch:
    """Collects what went wrong in a page. `expected` are HTTP statuses that the test is about, 0 for no reply."""

    def __init__(self, page: Page, address: str) -> None:
        self.expected: set[int] = set()
        self.host = urlsplit(address).netloc
        self.faults: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        text = message.text
        if text.startswith(LOST) and 0 in self.expected:
            return
        if text.startswith(REFUSED) and int(text.removeprefix(REFUSED).split()[0]) in self.expected:
            return
        self.faults.append(f"{message.type}: {text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.netloc != self.host and parts.scheme not in OWN:
            self.faults.append(f"a request to another host: {request.url}")
