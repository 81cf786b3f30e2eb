"""`bin/people`: who is enrolled, forgetting somebody, and which IDs are one person and do not count as rivals."""

import json

import click

from bootstrap.records import Records as Stored
from bootstrap.records import people_names, receipt_for
from bootstrap.sealing import kept_files
from db.people import People
from db.same_people import SamePeople
from pipeline.ports import AuditEvent
from tools.records.running import Records, Told, on_database


@click.group("people-local")
def command() -> None:
    """The people who are enrolled, without a running server."""


@command.command("list")
@on_database("people")
def list_people(records: Records) -> Told:
    """List everybody."""
    names = {one.id: one.given_name or one.name for one in _people(records).all()}
    text = "\n".join(f"{person_id}\t{name}" for person_id, name in names.items()) or "Nobody is enrolled."
    return text, {"people": [{"id": person_id, "name": name} for person_id, name in names.items()]}


@command.command("forget")
@click.argument("person_id", metavar="ID")
@on_database("people")
def forget(records: Records, person_id: str) -> Told:
    """Remove every trace of an ID and print a signed receipt."""
    stored = Stored(records.database, records.settings, {})
    try:
        forgotten = stored.forgetting.forget(person_id)
    finally:
        stored.gallery.close()
    if forgotten is None:
        raise ValueError(f"{person_id}: nothing is stored under this ID")
    receipt = receipt_for(records.database, person_id, forgotten)
    return json.dumps(receipt, indent=2), receipt


@command.command("same")
@click.argument("first", metavar="ID")
@click.argument("second", metavar="ID")
@on_database("people")
def same(records: Records, first: str, second: str) -> Told:
    """Declare two IDs to be one person, so that neither counts as the other's rival."""
    unknown = [one for one in (first, second) if _people(records).find(one) is None]
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: not enrolled")
    records.audit.record(AuditEvent("same", first))
    SamePeople(records.database).link(first, second)
    return f"{first} and {second} are one person.", {"ids": [first, second], "linked": True}


@command.command("different")
@click.argument("first", metavar="ID")
@click.argument("second", metavar="ID")
@on_database("people")
def different(records: Records, first: str, second: str) -> Told:
    """Undo `same`."""
    records.audit.record(AuditEvent("different", first))
    was_linked = SamePeople(records.database).unlink(first, second)
    text = f"{first} and {second} {'are two people' if was_linked else 'were not linked'}."
    return text, {"ids": [first, second], "were_linked": was_linked, "linked": False}


def _people(records: Records) -> People:
    kept, _ = kept_files(records.settings, records.database)
    return People(records.database, people_names(records.settings), kept)
