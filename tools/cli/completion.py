"""`bin/faceapp completion`."""

import click
from click.shell_completion import get_completion_class

from tools.cli.exits import DONE
from tools.cli.options import ROOT

PROGRAM = ROOT / "bin" / "faceapp"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print what a shell needs to complete commands and options, for its start-up file.

    In ~/.bashrc: eval "$(bin/faceapp completion bash)", with the path of this checkout.
    """
    click.echo(script(ctx.find_root().command, shell))
    return DONE


def script(root: click.Command, shell: str) -> str:
    """Return click's script; it calls this checkout's program, which need not be on the PATH."""
    kind = get_completion_class(shell)
    if kind is None:
        raise ValueError(shell)
    variable = "_FACEAPP_COMPLETE"
    made = kind(root, {}, "faceapp", variable)
    variables = {**made.source_vars(), "prog_name": "faceapp"}
    text = made.source_template % variables
    guard = "(( ! $+commands[faceapp] )) && return 1"
    for call in (f"{variable}={shell}_complete faceapp", f"{variable}={shell}_complete $1", "(commandline -t) faceapp"):
        text = text.replace(call, f"{call.rsplit(' ', 1)[0]} '{PROGRAM}'")
    return text.replace(guard, "")
