"""Progress bars of commands that go through many things: on a terminal, beside the result."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def tracked(items: Iterable[Item], total: float, what: str) -> Iterator[Item]:
    """Yield the items, with a bar of how many of `total` are done and what time is left; none without a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, what, total, console=console, transient=True, disable=not console.is_terminal)
