"""Requests and their retries: the server says whether the same request can succeed later, and when."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from faceapp_client.errors import RefusedError, UnreachableError
from faceapp_client.photos import Part
from faceapp_client.results import Reply

_WAITED_FOR = (409, 429, 503)
"""HTTP statuses after which the request is sent again, where the reply says that this can help."""
_RESENT = ("GET", "HEAD")
"""Requests that change nothing, so that they can be sent again after a connection broke."""


@dataclass(frozen=True)
class Retries:
    """How often a request is sent again, and how many seconds at most are waited before each time.

    A longer time that the server asks for is not waited: the refusal is raised with it as `retry_after`.
    """

    most: int = 4
    longest_s: float = 30.0
    first_s: float = 0.5
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int, asked_s: float | None) -> bool:
        """Wait before attempt number `attempt`, counted from 1; False where it is not to be made."""
        seconds = self.first_s * 2 ** (attempt - 1) if asked_s is None else asked_s
        if attempt > self.most or seconds > self.longest_s:
            return False
        self.sleep(seconds)
        return True


def checked_url(url: str) -> httpx.URL:
    """Return the address of a server; raises `ValueError` for what is none."""
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"The server's address is wrong: {error}.") from error
    if found.scheme not in ("http", "https") or not found.host:
        raise ValueError("The server's address begins with http:// or https:// and names a host.")
    return found


def checked_key(key: str) -> str:
    """Return an API key that a header can have; raises `ValueError` for any other."""
    if not (key.isascii() and key.isprintable()):
        raise ValueError("An API key has ASCII letters, digits and punctuation only.")
    return key


class Transport:
    """Sends requests to one server and reads its replies."""

    def __init__(self, http: httpx.Client, retries: Retries) -> None:
        self._http, self._retries = http, retries

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        photos: Sequence[Part] = (),
    ) -> Reply:
        """Return the reply to a request that was not refused, or a refusal that is a verdict (`accepted` is false).

        Raises `RefusedError` and `UnreachableError`.
        """
        response = self._sent(method, path, {"params": query, "data": form, "files": photos or None})
        reply = _read(response)
        is_refusal = response.is_error or ("advice" in reply.results and "retry" in reply.results)
        if not is_refusal or (response.is_success and reply.results.get("accepted") is False):
            return reply
        wait, status = retry_after(response), response.status_code
        raise RefusedError(
            reply.code, reply.message, reply.results, status=status, request_id=reply.request_id, retry_after=wait
        )

    def content(self, path: str) -> bytes:
        """Return what a path holds, where that is no reply in JSON. Raises as `call`."""
        response = self._sent("GET", path, {})
        if response.is_error:
            return self.call("GET", path).message.encode()  # raises
        return response.content

    def _sent(self, method: str, path: str, options: Mapping[str, Any]) -> httpx.Response:
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._http.request(method, path, **options)
            except httpx.HTTPError as error:
                is_harmless = isinstance(error, httpx.ConnectError) or method in _RESENT
                if not (is_harmless and self._retries.wait(attempt, None)):
                    reason = re.sub(r"^\[Errno -?\d+\] ", "", str(error)).rstrip(".") or type(error).__name__
                    text = f"No reply from {self._http.base_url}: {reason}."
                    raise UnreachableError(text, "Check the address and the server.") from error
            else:
                if not (may_succeed_later(response) and self._retries.wait(attempt, retry_after(response))):
                    return response


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that a reply asks to wait, None where it names none."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def may_succeed_later(response: httpx.Response) -> bool:
    """Tell whether the same request, sent again, can have another outcome, as the server says itself."""
    if response.status_code not in _WAITED_FOR:
        return False
    try:
        return bool(_read(response).results.get("retry"))
    except UnreachableError:
        return True  # a proxy in front of a server that starts


def _read(response: httpx.Response) -> Reply:
    """Return the reply, whichever names its endpoint gives the keys. Raises `UnreachableError` where it is none."""
    try:
        body = response.json()
        found = {key.rpartition("_")[2]: value for key, value in body.items() if key != "system_errors"}
        code, message, results = int(found["code"]), str(found["message"]), found["results"] or {}
    except (ValueError, KeyError, AttributeError, TypeError):
        raise UnreachableError(
            f"{response.url} answered {response.status_code}, but not as a faceapp server.", "Check the address."
        ) from None
    return Reply(code=code, message=message, results=results, request_id=response.headers.get("X-Request-ID", ""))
