"""What a call raises: each has the server's code, its message, and the advice what to do."""

from collections.abc import Mapping
from typing import Any


class FaceappError(Exception):
    """A call that has no result.

    `code` is the server's number, None where the server gave none; `retry` tells whether the same call can succeed
    later, without any change to it.
    """

    code: int | None = None
    retry: bool = False

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message, self.advice = message, advice

    def __str__(self) -> str:
        number = "" if self.code is None else f"{self.code} "
        return " ".join(filter(None, (f"{number}{self.message}", self.advice)))


class RefusedError(FaceappError):
    """The server refused: the request is wrong, or the server lacks something.

    `status` is the HTTP status; `field` or `file` names what is wrong with the request; `retry_after` is in seconds,
    None where the server names no time; `results` are as far as they came.
    """

    def __init__(
        self,
        code: int,
        message: str,
        results: Mapping[str, Any],
        *,
        status: int,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, str(results.get("advice", "")))
        self.code = code
        self.retry = bool(results.get("retry", False))
        self.field, self.file = results.get("field"), results.get("file")
        self.results, self.status, self.request_id, self.retry_after = results, status, request_id, retry_after


class UnreachableError(FaceappError):
    """No reply of a faceapp server arrived: it does not run there, or the connection was lost."""

    retry = True


class JobLostError(FaceappError):
    """The process that ran the job has ended, so its result is lost: send the request again."""

    retry = True
