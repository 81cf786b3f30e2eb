"""`bin/faceapp codes` and `health`."""

import json

import click
from rich.console import Console
from rich.table import Table

from codes_dict import Code
from tools.cli.exits import DONE
from tools.cli.talking import Talk, talking


@click.command("codes")
@click.argument("numbers", metavar="[CODE]...", nargs=-1, type=click.IntRange(min=0))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(numbers: tuple[int, ...], as_json: bool) -> int:
    """Explain codes: all of them in a table, or those that are named in full. Needs no server."""
    unknown = [str(number) for number in numbers if number not in {int(code) for code in Code}]
    if unknown:
        raise click.UsageError(f"No such code: {', '.join(unknown)}.")
    chosen = [code for code in Code if not numbers or int(code) in numbers]
    if as_json:
        click.echo(json.dumps([code.described for code in chosen], indent=2, ensure_ascii=False))
    elif numbers:
        click.echo("\n\n".join(explained(code) for code in chosen))
    else:
        table = Table("Code", "HTTP", "Message")
        for code in chosen:
            table.add_row(str(int(code)), str(code.status), code.message)
        Console(soft_wrap=True).print(table)
    return DONE


def explained(code: Code) -> str:
    """Return what a code means and what to do about it, as a terminal shows it."""
    rows = {"Cause": code.cause, "Caller": code.caller_does, "Operator": code.operator_does}
    return "\n".join([f"{int(code)} {code.message}", *(f"  {name + ':':10}{text}" for name, text in rows.items())])


@click.command("health")
@talking
def health(talk: Talk) -> int:
    """Say whether the server can serve requests. Exit code 3: not now."""
    ready = talk.client.ready()
    engines = (ready.results.get("liveness") or {}).get("engines", [])
    talk.show(ready, f"Ready. Liveness: {', '.join(engines) or 'none'}")
    return DONE
