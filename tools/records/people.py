"""`bin/people`: who is enrolled, forgetting somebody, and which IDs are one person and do not count as rivals."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

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
from tools.records.running import Told, add_env, opened, run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 2 with a line that says why nothing was changed."""
    arguments = make_parser().parse_args(argv)
    return run("bin/people", arguments, lambda settings: _done(arguments, settings))


def _done(arguments: argparse.Namespace, settings: Settings) -> Told:
    """Do what was asked and return what to print. Raises `ValueError` for IDs with which that is impossible."""
    with opened(settings) as database:
        people = People(database, people_names(settings), kept_files(settings, database)[0])
        if arguments.what == "list":
            names = {one.id: one.given_name or one.name for one in people.all()}
            text = "\n".join(f"{person_id}\t{name}" for person_id, name in names.items()) or "Nobody is enrolled."
            return Told(text, {"people": [{"id": person_id, "name": name} for person_id, name in names.items()]})
        if arguments.what == "forget":
            return _forget(arguments.first, settings, database, people)
        trail = AuditTrail(database, audit_folder(settings))
        trail.record(AuditEvent(arguments.what, arguments.first))
        return _link(arguments.what, arguments.first, arguments.second, people, SamePeople(database))


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


def _link(what: str, first: str, second: str, people: People, links: SamePeople) -> Told:
    """Link or unlink two IDs."""
    if what == "different":
        was_linked = links.unlink(first, second)
        text = f"{first} and {second} {'are two people' if was_linked else 'were not linked'}."
        return Told(text, {"ids": [first, second], "were_linked": was_linked, "linked": False})
    unknown = [one for one in (first, second) if people.find(one) is None]
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: not enrolled")
    links.link(first, second)
    return Told(f"{first} and {second} are one person.", {"ids": [first, second], "linked": True})


def make_parser() -> argparse.ArgumentParser:
    """Return what the command takes."""
    common = argparse.ArgumentParser(add_help=False)
    add_env(common)
    parser = argparse.ArgumentParser(prog="bin/people", description="The people who are enrolled.")
    kinds = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    kinds.add_parser("list", parents=[common], help="list everybody")
    asked = {
        "forget": ("remove every trace of an ID; print a signed receipt", ["first"]),
        "same": ("declare two IDs to be one person", ["first", "second"]),
        "different": ("take that back", ["first", "second"]),
    }
    for name, (meaning, ids) in asked.items():
        one = kinds.add_parser(name, parents=[common], help=meaning)
        for each in ids:
            one.add_argument(each, metavar="ID")
    return parser
