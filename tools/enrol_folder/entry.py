"""What became of one person: an entry of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class State(Enum):
    """What became of a person."""

    ENROLLED = "enrolled"
    ALREADY = "already enrolled"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Entry:
    """What became of a person, in words and, where the server has one, with its code.

    `photos` counts the enrolled ones, `left_out` says of each other file why, `possible_duplicates` names the IDs
    under which the face is enrolled, too.
    """

    id: str
    name: str
    folder: str
    state: State
    code: int | None = None
    message: str = ""
    advice: str = ""
    photos: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)
    possible_duplicates: Sequence[str] = ()
    is_the_servers: bool = False
    """Whether it was the server's lack, and not the photos', that left the person out."""

    def as_dict(self) -> dict[str, Any]:
        """Return what the report's file holds."""
        held = asdict(self)
        del held["is_the_servers"]
        return {**held, "state": self.state.value, "possible_duplicates": list(self.possible_duplicates)}

    def lines(self) -> list[str]:
        """Return what people read: a line for the person, and one for each photo left out."""
        code = "" if self.code is None else f" {self.code}"
        count = f", {self.photos} photo{'' if self.photos == 1 else 's'}" if self.photos else ""
        head = f"{self.id}  {self.name}: {self.state.value}{code}{count}"
        said = [self.message] if self.message else []
        if self.advice not in ("", "Nothing."):
            said.append(self.advice)
        if self.possible_duplicates:
            said.append(f"The face is enrolled under {', '.join(self.possible_duplicates)}, too.")
        photos = [f"    {file}: {why}" for file, why in self.left_out.items()]
        return [" ".join([f"{head}." if said else head, *said]), *photos]
