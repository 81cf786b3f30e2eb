"""`bin/why`: what became of a request, from the log; or what a code means."""

import json
from pathlib import Path

import click

from api.log_reading import codes_in, lines_of, log_files
from codes_dict import Code
from env_validator import described
from tools.cli.codes import explained
from tools.cli.exits import DONE
from tools.cli.options import env_option, json_option, one_line

MOST_LINES = 200
_CODES = {str(int(code)): code for code in Code}


@click.command("why")
@click.argument("asked", metavar="REQUEST_ID|CODE")
@env_option
@json_option
def command(asked: str, env: Path, as_json: bool) -> int:
    """Say what became of a request, by the reply's X-Request-ID, or what a code means."""
    with one_line(ValueError, OSError):
        log = None if asked in _CODES else _log_of(env)
        lines, codes = ([], [_CODES[asked]]) if log is None else _found(asked, log)
    if as_json:
        click.echo(json.dumps({"lines": lines, "codes": [code.described for code in codes]}, indent=2))
    else:
        click.echo("\n\n".join([*(["\n".join(lines)] if lines else []), *map(explained, codes)]))
    return DONE


def _log_of(env: Path) -> Path:
    """Return where the log is, whatever else is wrong with the settings. Raises `ValueError` where LOG_LOC is wrong."""
    row = next(row for row in described(env) if row["key"] == "LOG_LOC")
    if row["fault"] or not row["value"]:
        raise ValueError(f"LOG_LOC {row['fault']}")
    return env.absolute().parent / str(row["value"])


def _found(asked: str, log: Path) -> tuple[list[str], list[Code]]:
    """Return the last lines of a request, and its codes. Raises `ValueError` where there are none."""
    found = list(lines_of(asked, log_files(log)))
    lines, codes = [line for line, _ in found], codes_in(message for _, message in found)
    if not lines:
        raise ValueError(f"{asked}: no line of {log} or of the rotated files has this request id")
    return lines[-MOST_LINES:], [_CODES[str(number)] for number in codes if str(number) in _CODES]
