"""Commands that read their own arguments: they get all of them, and complete the options that they declare."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from tools.cli.table import Command


class Wrapped(click.Command):
    """A command of the table whose module has `main(arguments)` and `make_parser()`."""

    def __init__(self, name: str, about: Command) -> None:
        settings = {"ignore_unknown_options": True, "allow_interspersed_args": False}
        arguments = click.Argument(
            ["arguments"],
            nargs=-1,
            type=click.UNPROCESSED,
            shell_complete=lambda ctx, _, incomplete: self.shell_complete(ctx, incomplete),
        )
        super().__init__(name, settings, self._run, [arguments], add_help_option=False, short_help=about.about)
        self._about = about

    def _run(self, arguments: tuple[str, ...]) -> int:
        ended = import_module(self._about.module).main([*self._about.first, *arguments])
        return int(ended)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete an option or a subcommand, else a file."""
        parser = import_module(self._about.module).make_parser()
        given = [str(one) for one in ctx.params.get("arguments") or ()]
        found = [item for item in _words(_inner(parser, given)) if item.value.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]


def _inner(parser: argparse.ArgumentParser, given: list[str]) -> argparse.ArgumentParser:
    """Return the parser of the subcommand that was given, if any."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word in given:
                if word in action.choices:
                    return _inner(action.choices[word], given)
    return parser


def _words(parser: argparse.ArgumentParser) -> Iterator[CompletionItem]:
    """Yield the options, subcommands and other words that a parser takes."""
    for action in parser._actions:
        for word in action.option_strings[-1:]:
            yield CompletionItem(word, help=action.help)
        if not action.option_strings and action.choices:
            yield from (CompletionItem(str(word)) for word in action.choices)
