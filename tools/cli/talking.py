"""How a command talks to a server: its address and key, what is printed of the reply, and how it ends."""

import functools
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console

from faceapp_client import Client, FaceappError, RefusedError, Reply
from tools.cli.exits import FAILED, LATER
from tools.cli.options import ROOT, one_line

PHOTO = click.Path(exists=True, dir_okay=False, readable=True)
ENV_FILE = ROOT / ".env"


@dataclass(frozen=True)
class Talk:
    """A server to talk to, and whether to print JSON."""

    client: Client
    as_json: bool

    def show(self, reply: Reply, lines: str) -> None:
        """Print a reply: its JSON as it came, with its request id, or the lines."""
        about = {"code": reply.code, "message": reply.message, "results": dict(reply.results)}
        self.say({**about, "request_id": reply.request_id}, lines)

    def say(self, content: Mapping[str, Any], lines: str) -> None:
        """Print content as JSON, or the lines."""
        click.echo(json.dumps(content, indent=2, ensure_ascii=False) if self.as_json else lines)

    def working(self, what: str) -> AbstractContextManager[object]:
        """Show on a terminal that something is under way."""
        return Console(stderr=True).status(what)


def talking(work: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of a server, and `talk` in place of them; print a failure and return its exit code."""

    @click.option("--url", envvar="FACEAPP_URL", show_envvar=True, help="The server (default: HOST and PORT of .env).")
    @click.option("--key", envvar="FACEAPP_KEY", show_envvar=True, help="The API key, where the server has keys.")
    @click.option("--timeout", type=click.FloatRange(min=0.1), default=120.0, help="Seconds.")
    @click.option("--json", "as_json", is_flag=True, help="Print the server's reply as JSON.")
    @functools.wraps(work)
    def run(url: str | None, key: str | None, timeout: float, as_json: bool, **given: Any) -> int:
        with one_line(ValueError):
            server = Client(url or own_address(), key, timeout_s=timeout)
        with server as client:
            try:
                return work(Talk(client, as_json), **given)
            except FaceappError as error:
                return failed(error, as_json)
            except OSError as error:
                click.echo(f"{error.filename}: {error.strerror}", err=True)
                return FAILED

    return run


def own_address() -> str:
    """Return where the server of this checkout listens."""
    from env_validator import listening_address

    host, port, _ = listening_address(ENV_FILE)
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - read
    return f"http://{name}:{port}"


def failed(error: FaceappError, as_json: bool) -> int:
    """Print why there is no result; return the exit code."""
    if as_json:
        refused = error if isinstance(error, RefusedError) else None
        about: dict[str, Any] = {"code": error.code, "message": error.message}
        about |= {"results": dict(refused.results)} if refused else {"results": {"advice": error.advice, "retry": True}}
        print(json.dumps({**about, "request_id": refused.request_id if refused else ""}, indent=2, ensure_ascii=False))
    else:
        print(error, file=sys.stderr)
        if isinstance(error, RefusedError) and error.request_id:
            print(f"On the server, bin/faceapp why {error.request_id} says more.", file=sys.stderr)
    return LATER if error.retry else FAILED
