"""`bin/keys`: make, list and revoke the keys with which callers reach the server."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bootstrap.records import audit_folder
from db.audit import AuditTrail
from db.keys import KeyRecords
from env_validator import Settings
from pipeline.ports import AuditEvent
from security.callers import SCOPES
from security.keys import DAY_S, MOST_DAYS, KeyRecord, new_key
from tools.records.running import Told, add_env, opened, run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 with a line that says why nothing was changed."""
    arguments = make_parser().parse_args(argv)
    return run("bin/keys", arguments, lambda settings: _done(arguments, settings))


def _done(arguments: argparse.Namespace, settings: Settings) -> Told:
    """Do what was asked and return what to print. Raises `ValueError` where that is impossible."""
    with opened(settings) as database:
        records, now = KeyRecords(database), int(time.time())
        trail = AuditTrail(database, audit_folder(settings))
        if arguments.what == "make":
            return _made(records, trail, arguments, now)
        if arguments.what == "list":
            lines = [_line(record) for record in records.all()]
            text = "\n".join(lines) or "No keys: the server is open to its own machine."
            return Told(text, {"keys": [_described(record) for record in records.all()]})
        if not records.revoke(arguments.key_id, now):
            raise ValueError(f"{arguments.key_id}: no such key, or revoked already")
        trail.record(AuditEvent("keys", about={"revoked": arguments.key_id}))
        text = f"{arguments.key_id} is revoked; every server refuses it within 2 seconds."
        return Told(text, {"revoked": arguments.key_id})


def _made(records: KeyRecords, trail: AuditTrail, arguments: argparse.Namespace, now: int) -> Told:
    label, is_first = arguments.name, not records.all()
    expires = now + arguments.days * DAY_S if arguments.days else None
    text, record = new_key(label, [scope.strip() for scope in arguments.scopes.split(",")], now, expires)
    trail.record(AuditEvent("keys", about={"made": record.key_id, "scopes": sorted(record.scopes)}))
    records.add(record)
    lines = [_line(record), f"The key, shown only once: {text}"]
    if is_first:
        lines.append("From now on the server answers callers with a key only, on this machine too.")
    return Told("\n".join(lines), {**_described(record), "key": text})


def _described(record: KeyRecord) -> dict[str, Any]:
    about = {"key_id": record.key_id, "label": record.label, "scopes": sorted(record.scopes)}
    return {**about, "state": record.state(time.time()), "created": record.created, "expires": record.expires}


def _line(record: KeyRecord) -> str:
    until = _date(record.expires) if record.expires else "no end"
    state, scopes = record.state(time.time()), ",".join(sorted(record.scopes))
    return f"{record.key_id}  {state}  made {_date(record.created)}, until {until}  {scopes}  {record.label}"


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MOST_DAYS:
        raise argparse.ArgumentTypeError(f"a number of days up to {MOST_DAYS}; 0 for a key without an end")
    return int(text)


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    parser = argparse.ArgumentParser(prog="bin/keys", description="Make, list and revoke API keys.")
    add_env(parser)
    common = argparse.ArgumentParser(add_help=False)
    add_env(common, again=True)
    what = parser.add_subparsers(dest="what", required=True)
    make = what.add_parser("make", parents=[common], help="make a key and print it once")
    make.add_argument("name", help="whom the key is for, as lists show it")
    make.add_argument("--scopes", required=True, help=f"one or more of {', '.join(SCOPES)}, separated by commas")
    make.add_argument("--days", type=_days, default=365, help="days until it expires; 0 for never (default: 365)")
    what.add_parser("list", parents=[common], help="list all keys, without the keys themselves")
    revoke = what.add_parser("revoke", parents=[common], help="revoke a key for good")
    revoke.add_argument("key_id", metavar="KEY_ID")
    return parser
