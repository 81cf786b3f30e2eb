"""`bin/people`: who is enrolled, forgetting somebody, and which IDs are one person and do not count as rivals."""

import json

import click

from bootstrap.records import audit_folder, people_names, receipt_for
from bootstrap.sealing import kept_files
from bootstrap.vectors import open_gallery
from db.audit import AuditTrail
from db.enrolments import EnrolmentRecords
from db.forgetting import ForgettingUnit
from db.people import People
from db.same_people import SamePeople
from db.session import Database
from db.uploads import UploadStore
from env_validator import Settings
from pipeline.ports import AuditEvent
from tools.records.running import Told, on_records, opened


@click.group("people-local")
def command() -> None:
    """The people who are enrolled, without a running server."""


@command.command("list")
@on_records("people")
def list_people(settings: Settings) -> Told:
    """List everybody."""
    with opened(settings) as database:
        names = {one.id: one.given_name or one.name for one in _people(settings, database).all()}
    text = "\n".join(f"{person_id}\t{name}" for person_id, name in names.items()) or "Nobody is enrolled."
    return Told(text, {"people": [{"id": person_id, "name": name} for person_id, name in names.items()]})


@command.command("forget")
@click.argument("person_id", metavar="ID")
@on_records("people")
def forget(settings: Settings, person_id: str) -> Told:
    """Remove every trace of an ID and print a signed receipt."""
    with opened(settings) as database:
        return _forget(person_id, settings, database, _people(settings, database))


@command.command("same")
@click.argument("first", metavar="ID")
@click.argument("second", metavar="ID")
@on_records("people")
def same(settings: Settings, first: str, second: str) -> Told:
    """Declare two IDs to be one person, so that neither counts as the other's rival."""
    with opened(settings) as database:
        people = _people(settings, database)
        unknown = [one for one in (first, second) if people.find(one) is None]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not enrolled")
        AuditTrail(database, audit_folder(settings)).record(AuditEvent("same", first))
        SamePeople(database).link(first, second)
    return Told(f"{first} and {second} are one person.", {"ids": [first, second], "linked": True})


@command.command("different")
@click.argument("first", metavar="ID")
@click.argument("second", metavar="ID")
@on_records("people")
def different(settings: Settings, first: str, second: str) -> Told:
    """Undo `same`."""
    with opened(settings) as database:
        AuditTrail(database, audit_folder(settings)).record(AuditEvent("different", first))
        was_linked = SamePeople(database).unlink(first, second)
    text = f"{first} and {second} {'are two people' if was_linked else 'were not linked'}."
    return Told(text, {"ids": [first, second], "were_linked": was_linked, "linked": False})


def _people(settings: Settings, database: Database) -> People:
    return People(database, people_names(settings), kept_files(settings, database)[0])


def _forget(person_id: str, settings: Settings, database: Database, people: People) -> Told:
    """Forget a person and return the receipt as JSON."""
    kept, kept_uploads = kept_files(settings, database)
    enrolments, uploads = EnrolmentRecords(database), UploadStore(kept_uploads)
    gallery, audit = open_gallery(settings, kept, enrolments, {}), AuditTrail(database, audit_folder(settings))
    unit = ForgettingUnit(database, people, enrolments, gallery, uploads, kept, audit)
    try:
        forgotten = unit.forget(person_id)
    finally:
        gallery.close()
    if forgotten is None:
        raise ValueError(f"{person_id}: nothing is stored under this ID")
    receipt = receipt_for(database, person_id, forgotten)
    return Told(json.dumps(receipt, indent=2), receipt)
