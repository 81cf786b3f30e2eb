"""What the commands have in common: options, one line for a fault, and the result as text or JSON."""

import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import click

Item = TypeVar("Item")
ROOT = Path(__file__).resolve().parents[2]
FILE = click.Path(path_type=Path)
WEIGHTS = ROOT / "bin" / "model" / "weights"
env_option = click.option(
    "--env", type=FILE, default=ROOT / ".env", show_default=False, metavar="FILE", help="The settings (default: .env)."
)
text_option = functools.partial(click.option, default="", show_default=False)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON alone; the rest goes to stderr.")
weights_option = click.option(
    "--weights", type=FILE, default=WEIGHTS, show_default=False, metavar="DIR", help="The folder of weights."
)


@contextmanager
def one_line(*faults: type[Exception]) -> Iterator[None]:
    """End the command with one line and exit code 2 where one of `faults` is raised."""
    try:
        yield
    except faults as fault:
        raise click.ClickException(sentence(fault)) from fault


def sentence(fault: Exception) -> str:
    """Return what went wrong in one line; of what the system refused, the file and the reason without its number."""
    if isinstance(fault, OSError) and fault.strerror:
        return f"{fault.filename}: {fault.strerror}" if fault.filename else fault.strerror
    return str(fault)


def results(*faults: type[Exception]) -> Callable[[Callable[..., tuple[Any, int]]], Callable[..., int]]:
    """Give a command that prints its figures and returns them, with its exit code, the option `--json`.

    With it stdout is the JSON, and everything else goes to stderr. `faults` are as in `one_line`.
    """

    def decorate(work: Callable[..., tuple[Any, int]]) -> Callable[..., int]:
        @json_option
        @functools.wraps(work)
        def run(as_json: bool, **given: Any) -> int:
            with one_line(*faults), redirect_stdout(sys.stderr) if as_json else nullcontext():
                found, status = work(**given)
            if as_json:
                click.echo(json.dumps(found, indent=2, ensure_ascii=False))
            return status

        return run

    return decorate


def note(line: str) -> None:
    """Show progress, or a remark, beside the result."""
    print(line, file=sys.stderr, flush=True)


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of `size`; the last one may be shorter."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


def tracked(items: Iterable[Item], total: float, what: str) -> Iterator[Item]:
    """Yield the items, with a bar of how many of `total` are done and what time is left; none without a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, what, total, console=console, transient=True, disable=not console.is_terminal)
