"""`bin/keys`: make, list and revoke the keys with which callers reach the server."""

import time
from datetime import UTC, datetime
from typing import Any

import click

from db.keys import KeyRecords
from pipeline.ports import AuditEvent
from security.callers import SCOPES
from security.keys import DAY_S, MOST_DAYS, KeyRecord, new_key
from tools.records.running import Records, Told, on_database


@click.group("keys")
def command() -> None:
    """Make, list and revoke API keys."""


@command.command("make")
@click.argument("name")
@click.option("--scopes", required=True, help=f"One or more of {', '.join(SCOPES)}, separated by commas.")
@click.option("--days", type=click.IntRange(0, MOST_DAYS), default=365, help="Days until it expires; 0 for never.")
@on_database("keys")
def make(records: Records, name: str, scopes: str, days: int) -> Told:
    """Make a key for NAME, as lists show it, and print the key once."""
    keys, now = KeyRecords(records.database), int(time.time())
    is_first, expires = not keys.all(), now + days * DAY_S if days else None
    text, record = new_key(name, [scope.strip() for scope in scopes.split(",")], now, expires)
    records.audit.record(AuditEvent("keys", about={"made": record.key_id, "scopes": sorted(record.scopes)}))
    keys.add(record)
    lines = [_line(record), f"The key, shown only once: {text}"]
    if is_first:
        lines.append("From now on the server answers callers with a key only, on this machine too.")
    return "\n".join(lines), {**_described(record), "key": text}


@command.command("list")
@on_database("keys")
def list_keys(records: Records) -> Told:
    """List all keys, without the keys themselves."""
    keys = list(KeyRecords(records.database).all())
    text = "\n".join(map(_line, keys)) or "No keys: the server is open to its own machine."
    return text, {"keys": [_described(record) for record in keys]}


@command.command("revoke")
@click.argument("key_id")
@on_database("keys")
def revoke(records: Records, key_id: str) -> Told:
    """Revoke a key for good."""
    if not KeyRecords(records.database).revoke(key_id, int(time.time())):
        raise ValueError(f"{key_id}: no such key, or revoked already")
    records.audit.record(AuditEvent("keys", about={"revoked": key_id}))
    return f"{key_id} is revoked; every server refuses it within 2 seconds.", {"revoked": key_id}


def _described(record: KeyRecord) -> dict[str, Any]:
    about = {"key_id": record.key_id, "label": record.label, "scopes": sorted(record.scopes)}
    return {**about, "state": record.state(time.time()), "created": record.created, "expires": record.expires}


def _line(record: KeyRecord) -> str:
    until = _date(record.expires) if record.expires else "no end"
    state, scopes = record.state(time.time()), ",".join(sorted(record.scopes))
    return f"{record.key_id}  {state}  made {_date(record.created)}, until {until}  {scopes}  {record.label}"


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
