"""`bin/audit`: the audit's head, whether it is whole, and what it says of a person."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from codes_dict import CODES_DICT
from pipeline.pseudonym import log_name
from security.audit import Head
from security.audit_check import check
from tools.cli.options import FILE
from tools.records.running import CheckFailed, Records, Told, on_database

_FOLDERS = click.option(
    "--folder", "folders", type=FILE, multiple=True, metavar="DIR", help="The audit of another server; repeatable."
)


@click.group("audit")
def command() -> None:
    """The audit: who asked what, and how it ended."""


@command.command("head")
@on_database("audit")
def print_head(records: Records) -> Told:
    """Print the last entry's number and MAC, to be kept elsewhere."""
    head = str(records.audit.head())
    return head, {"head": head}


@command.command("verify")
@click.option("--head", "heads", multiple=True, help="What `head` printed earlier; repeatable.")
@_FOLDERS
@on_database("audit")
def verify(records: Records, heads: Sequence[str], folders: Sequence[Path]) -> Told:
    """Find every edit, gap and cut. Exit code 1: the audit is not whole."""
    trail, pinned = records.audit, [Head.parse(text) for text in heads]
    head = trail.head()
    found = check(trail.key(), head, trail.lines(*folders), pinned)
    if found.faults:
        raise CheckFailed("\n".join(["the audit is not whole", *found.faults]))
    late = ["Written by a process that ended before they counted:", *found.uncounted] if found.uncounted else []
    text = "\n".join([f"All {head.count} entries are there, unchanged.", *late])
    return text, {"entries": head.count, "head": str(head), "uncounted": found.uncounted}


@command.command("show")
@click.argument("person_id", metavar="ID")
@_FOLDERS
@on_database("audit")
def show(records: Records, person_id: str, folders: Sequence[Path]) -> Told:
    """Explain every entry of a person."""
    trail = records.audit
    subject = trail.subject(person_id)
    if not subject:
        raise ValueError(f"{person_id}: nothing is recorded, or the person was forgotten")
    found = check(trail.key(), trail.head(), trail.lines(*folders))
    bases = {entry["about"]["basis"]: entry["about"] for entry in found.chain if entry["action"] == "settings"}
    entries = [entry for entry in found.chain if entry["subject"] == subject]
    warning = ["The audit is not whole: run bin/audit verify."] if found.faults else []
    name = f"In the log: person {log_name(subject)}"
    text = "\n\n".join([*warning, name, *(_explained(entry, bases) for entry in entries)])
    about = {"is_whole": not found.faults, "in_log": log_name(subject), "entries": entries, "bases": bases}
    return text, about


def _explained(entry: dict[str, Any], bases: dict[str, Any]) -> str:
    code, about = entry["code"], entry["about"]
    lines = [f"{entry['time']}  {entry['action']}  {code} {CODES_DICT.get(code, '')}"]
    lines.append(f"  entry {entry['n']}, by {entry['who']}, request {entry['request'] or '-'}")
    lines += [f"  {name}: {value}" for name, value in about.items() if name not in ("stages", "basis")]
    lines += [f"  {_stage(row)}" for row in about.get("stages", ())]
    basis = bases.get(about.get("basis"))
    if basis:
        lines.append(f"  thresholds: {json.dumps(basis['thresholds'])}, models: {json.dumps(basis['models'])}")
    return "\n".join(lines)


def _stage(row: dict[str, Any]) -> str:
    ended = f", {row['code']} {CODES_DICT.get(row['code'], '')}" if row.get("code") else ""
    numbers = f"  {json.dumps(row['numbers'])}" if row.get("numbers") else ""
    return f"{row['name']}: {row['in']} in, {row['out']} out{ended}{numbers}"
