"""`bin/keys`: make, list and revoke the keys with which callers reach the server."""

import time
from datetime import UTC, datetime
from typing import Any

import click

from bootstrap.records import audit_folder
from db.audit import AuditTrail
from db.keys import KeyRecords
from db.session import Database
from env_validator import Settings
from pipeline.ports import AuditEvent
from security.callers import SCOPES
from security.keys import DAY_S, MOST_DAYS, KeyRecord, new_key
from tools.records.running import Told, on_records, opened


@click.group("keys")
def command() -> None:
    """Make, list and revoke API keys."""


@command.command("make")
@click.argument("name")
@click.option("--scopes", required=True, help=f"One or more of {', '.join(SCOPES)}, separated by commas.")
@click.option("--days", type=click.IntRange(0, MOST_DAYS), default=365, help="Days until it expires; 0 for never.")
@on_records("keys")
def make(settings: Settings, name: str, scopes: str, days: int) -> Told:
    """Make a key for NAME, as lists show it, and print the key once."""
    with opened(settings) as database:
        records, now = KeyRecords(database), int(time.time())
        is_first, expires = not records.all(), now + days * DAY_S if days else None
        text, record = new_key(name, [scope.strip() for scope in scopes.split(",")], now, expires)
        _trail(settings, database).record(
            AuditEvent("keys", about={"made": record.key_id, "scopes": sorted(record.scopes)})
        )
        records.add(record)
    lines = [_line(record), f"The key, shown only once: {text}"]
    if is_first:
        lines.append("From now on the server answers callers with a key only, on this machine too.")
    return Told("\n".join(lines), {**_described(record), "key": text})


@command.command("list")
@on_records("keys")
def list_keys(settings: Settings) -> Told:
    """List all keys, without the keys themselves."""
    with opened(settings) as database:
        records = list(KeyRecords(database).all())
    text = "\n".join(map(_line, records)) or "No keys: the server is open to its own machine."
    return Told(text, {"keys": [_described(record) for record in records]})


@command.command("revoke")
@click.argument("key_id")
@on_records("keys")
def revoke(settings: Settings, key_id: str) -> Told:
    """Revoke a key for good."""
    with opened(settings) as database:
        if not KeyRecords(database).revoke(key_id, int(time.time())):
            raise ValueError(f"{key_id}: no such key, or revoked already")
        _trail(settings, database).record(AuditEvent("keys", about={"revoked": key_id}))
    return Told(f"{key_id} is revoked; every server refuses it within 2 seconds.", {"revoked": key_id})


def _trail(settings: Settings, database: Database) -> AuditTrail:
    return AuditTrail(database, audit_folder(settings))


def _described(record: KeyRecord) -> dict[str, Any]:
    about = {"key_id": record.key_id, "label": record.label, "scopes": sorted(record.scopes)}
    return {**about, "state": record.state(time.time()), "created": record.created, "expires": record.expires}


def _line(record: KeyRecord) -> str:
    until = _date(record.expires) if record.expires else "no end"
    state, scopes = record.state(time.time()), ",".join(sorted(record.scopes))
    return f"{record.key_id}  {state}  made {_date(record.created)}, until {until}  {scopes}  {record.label}"


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
