"""`bin/audit`: the audit's head, whether it is whole, and what it says of a person."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bootstrap.records import audit_folder
from codes_dict import CODES_DICT
from db.audit import AuditTrail
from env_validator import Settings
from pipeline.pseudonym import log_name
from security.audit import Head
from security.audit_check import Findings, check
from tools.records.running import CheckFailed, Told, add_env, opened, run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, 1 with a line for everything that is wrong with the audit, or 2."""
    arguments = make_parser().parse_args(argv)
    return run("bin/audit", arguments, lambda settings: _done(arguments, settings))


def _done(arguments: argparse.Namespace, settings: Settings) -> Told:
    """Return what to print. Raises `CheckFailed` where the audit is not whole, `ValueError` for what is unknown."""
    with opened(settings) as database:
        trail = AuditTrail(database, audit_folder(settings))
        if arguments.what == "head":
            return Told(str(trail.head()), {"head": str(trail.head())})
        if arguments.what == "show":
            return _shown(trail, arguments.id, arguments.folder)
        return _verified(trail, arguments.folder, [Head.parse(text) for text in arguments.head])


def _verified(trail: AuditTrail, folders: Sequence[Path], pinned: Sequence[Head]) -> Told:
    head = trail.head()
    found = check(trail.key(), head, trail.lines(*folders), pinned)
    if found.faults:
        raise CheckFailed("\n".join(["the audit is not whole", *found.faults]))
    text = "\n".join([f"All {head.count} entries are there, unchanged.", *_uncounted(found)])
    return Told(text, {"entries": head.count, "head": str(head), "uncounted": found.uncounted})


def _uncounted(found: Findings) -> list[str]:
    if not found.uncounted:
        return []
    return ["Written by a process that ended before they counted:", *found.uncounted]


def _shown(trail: AuditTrail, person_id: str, folders: Sequence[Path]) -> Told:
    """Explain every entry of a person. Raises `ValueError` where there is none."""
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
    return Told(text, about)


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


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    common = argparse.ArgumentParser(add_help=False)
    add_env(common)
    common.add_argument(
        "--folder", type=Path, action="append", default=[], help="the audit folder of another server; can be repeated"
    )
    parser = argparse.ArgumentParser(prog="bin/audit", description="The audit: who asked what, and how it ended.")
    kinds = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    kinds.add_parser("head", parents=[common], help="print the last entry's number and mac, to be kept elsewhere")
    verify = kinds.add_parser("verify", parents=[common], help="find every edit, gap and cut")
    verify.add_argument("--head", action="append", default=[], help="what `head` printed earlier; can be repeated")
    kinds.add_parser("show", parents=[common], help="explain every entry of a person").add_argument("id", metavar="ID")
    return parser
