"""A CompreFace server, read through its REST API: subjects, their images, and each image's file."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

API = "/api/v1"
PAGE = 1000
"""Images per page of the list."""
TIMEOUT_S = 60.0
PAUSES_S = (1.0, 5.0)
"""Seconds before each further attempt after a failure that may pass."""

_WRONG_KEY = (401, 403)


class CompreFaceError(Exception):
    """Why the server cannot be read, in one sentence; the key is never in it."""


class TooLargeError(CompreFaceError):
    """A file is larger than allowed."""


class CompreFaceServer:
    """Reads one face collection, that of the key: the key of a recognition service."""

    def __init__(
        self,
        url: str,
        key: str,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        base = url.rstrip("/")
        self.url = base if base.endswith(API) else base + API
        self._pause = pause
        self._http = httpx.Client(headers={"x-api-key": key}, timeout=TIMEOUT_S, transport=transport)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def subjects(self) -> list[str]:
        """Return the names of all subjects, those without an image among them. Raises `CompreFaceError`."""
        return [str(one) for one in self._json("/recognition/subjects", {}).get("subjects", [])]

    def images(self) -> dict[str, list[str]]:
        """Return the ids of every subject's images, by subject. Raises `CompreFaceError`."""
        found: dict[str, list[str]] = {}
        page, pages = 0, 1
        while page < pages:
            answered = self._json("/recognition/faces", {"page": str(page), "size": str(PAGE)})
            for one in answered.get("faces", []):
                found.setdefault(str(one["subject"]), []).append(str(one["image_id"]))
            pages = int(answered.get("total_pages", 1))  # servers before 1.0 list all at once
            page += 1
        return {subject: list(dict.fromkeys(ids)) for subject, ids in found.items()}

    def photo(self, image_id: str, most: int) -> bytes:
        """Return an image's file, empty where the server keeps none.

        Raises `TooLargeError` where it has more than `most` bytes, and `CompreFaceError`.
        """
        response = self._answered(f"/recognition/faces/{quote(image_id, safe='')}/img", {}, most)
        return b"" if response.status_code == httpx.codes.NOT_FOUND else response.content

    def _json(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        response = self._answered(path, query)
        try:
            found = response.json() if response.is_success else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise CompreFaceError(f"{self.url}{path} does not answer as CompreFace does (HTTP {response.status_code}).")
        return found

    def _answered(self, path: str, query: dict[str, str], most: int | None = None) -> httpx.Response:
        """Return the reply to a GET, tried again where the server fails or cannot be reached."""
        reason = ""
        for pause in (*PAUSES_S, None):
            try:
                response = self._get(path, query, most)
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
            else:
                if response.status_code in _WRONG_KEY:
                    raise CompreFaceError(f"{self.url} does not accept the key: take that of a recognition service.")
                if not response.is_server_error and response.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    return response
                reason = f"HTTP {response.status_code}"
            if pause is not None:
                self._pause(pause)
        raise CompreFaceError(f"{self.url} cannot be read: {reason}.")

    def _get(self, path: str, query: dict[str, str], most: int | None) -> httpx.Response:
        with self._http.stream("GET", self.url + path, params=query) as response:
            data = bytearray()
            for piece in response.iter_bytes():
                data += piece
                if most is not None and len(data) > most:
                    raise TooLargeError("the file is too large")
        headers = [(name, value) for name, value in response.headers.items() if name.lower() == "content-type"]
        return httpx.Response(response.status_code, headers=headers, content=bytes(data), request=response.request)
