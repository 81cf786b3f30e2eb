"""What is wrong with settings that only loading could show."""

from __future__ import annotations


class LoadFault(Exception):  # noqa: N818 - an answer of its own (176), named like one
    """Faults that loading found; `lines` as in `env_errs`."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines
