"""`bin/faceapp`: finds the command, which is imported only when it runs, and ends with its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import click

from tools.cli.exits import FAILED
from tools.cli.launch import leave
from tools.cli.table import COMMANDS, Command

PROGRAM = "bin/faceapp"
SETTINGS: Final = {"help_option_names": ["-h", "--help"], "show_default": True}
COMPLETE = "_FACEAPP_COMPLETE"
"""The variable by which a shell asks for completions."""


class Commands(click.Group):
    """The commands of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name, as the table orders them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command; in help and completions of names only the table speaks for it."""
        found = COMMANDS.get(name)
        return None if found is None else loaded(name, found)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        """Complete the command's name without importing any."""
        item = click.shell_completion.CompletionItem
        return [item(name, help=one.about) for name, one in COMMANDS.items() if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by group, without importing any."""
        for group in dict.fromkeys(one.group for one in COMMANDS.values()):
            with formatter.section(group):
                formatter.write_dl([(name, one.about) for name, one in COMMANDS.items() if one.group == group])


def loaded(name: str, about: Command) -> click.Command:
    """Return a command of the table. One that runs without click is described from what its parser declares."""
    module = import_module(about.module)
    if not about.is_bare:
        made: click.Command = getattr(module, about.name)
        return made
    parser = module.make_parser()
    options = [
        click.Option(one.option_strings, help=one.help, metavar=one.metavar, is_flag=one.nargs == 0)
        for one in parser._actions
        if one.dest != "help"
    ]
    return click.Command(name, params=list(options), help=parser.description, epilog=parser.epilog)


@click.group(cls=Commands, context_settings=SETTINGS)
def faceapp() -> None:
    """Everything that can be done with faceapp from a terminal.

    Exit codes: 0 done or yes, 1 the answer is no, 2 nothing was done, 3 the server is not reachable or busy,
    130 ended by Ctrl-C. COMMAND --help says more.
    """


def main(arguments: Sequence[str], program: str = PROGRAM) -> int:
    """Run a command; returns its exit code. A `program` other than `PROGRAM` is the command itself.

    Ctrl-C ends the process.
    """
    root: click.Command = faceapp if program == PROGRAM else loaded(arguments[0], COMMANDS[arguments[0]])
    given = list(arguments[0 if program == PROGRAM else 1 :])
    try:
        ended: Any = root.main(given, prog_name=program, complete_var=COMPLETE, standalone_mode=False, **SETTINGS)
    except click.Abort:
        leave("")  # click has ended the line of "^C"
    except click.ClickException as wrong:
        wrong.show()
        return FAILED
    return ended if isinstance(ended, int) else 0
