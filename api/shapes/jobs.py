"""Jobs."""

from typing import Any, Literal

from pydantic import Field

from api.openapi import Shape


class JobEnding(Shape):
    """What the request would have been answered."""

    code: int
    message: str
    results: dict[str, Any]


class JobResults(Shape):
    """How far the work is."""

    job: str = Field(examples=["0a1b2c3d-00112233445566778899aabbccddeeff"])
    kind: str = Field(examples=["train"])
    state: Literal["running", "done", "failed", "lost"] = Field(examples=["running"])
    """`lost`: another process ran it. Send the request again."""
    progress: float = Field(examples=[0.25])
    """The share that is done, 0 to 1."""
    seconds: float | None = Field(examples=[1.5])
    result: JobEnding | None
    """Null while the job is running."""
