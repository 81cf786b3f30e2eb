"""Jobs."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from api.openapi import Shape


class JobPath(Shape):
    """Which job."""

    example: ClassVar = {"job_id": "0a1b2c3d-00112233445566778899aabbccddeeff"}

    job_id: str
    """The id that the request was answered with."""


class JobEnding(Shape):
    """What the request would have been answered."""

    code: int
    message: str
    results: dict[str, Any]


class JobResults(Shape):
    """How far the work is."""

    example: ClassVar = {
        "job": "0a1b2c3d-00112233445566778899aabbccddeeff",
        "kind": "train",
        "state": "running",
        "progress": 0.25,
        "seconds": 1.5,
        "result": None,
    }

    job: str
    kind: str
    state: Literal["running", "done", "failed", "lost"]
    """`lost`: another process ran it. Send the request again."""
    progress: float
    """The share that is done, 0 to 1."""
    seconds: float | None
    result: JobEnding | None
    """Null while the job is running."""
