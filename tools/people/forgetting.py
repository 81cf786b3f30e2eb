"""`bin/people list` and `bin/people forget ID`: the records without the models, whether a server runs or not."""

from __future__ import annotations

import json

from bootstrap.records import receipt_for
from bootstrap.vectors import open_gallery
from db.enrolments import EnrolmentRecords
from db.forgetting import ForgettingUnit
from db.people import People
from db.session import Database
from db.uploads import UploadStore
from env_validator import Settings


def listed(people: People) -> str:
    """Return a line for each person: ID and name as given, with a tab between them."""
    return "\n".join(f"{one.id}\t{one.given_name or one.name}" for one in people.all()) or "Nobody is enrolled."


def forget(person_id: str, now: Settings, database: Database, people: People) -> str:
    """Forget a person and return the receipt as JSON. Raises `ValueError` where nothing is stored of the ID."""
    enrolments, uploads = EnrolmentRecords(database), UploadStore(now.upload_folder)
    gallery = open_gallery(now, enrolments, {})
    try:
        unit = ForgettingUnit(database, people, enrolments, gallery, uploads, now.db_path)
        forgotten = unit.forget(person_id)
        if forgotten is None:
            raise ValueError(f"{person_id}: nothing is stored under this ID")
        return json.dumps(receipt_for(database, person_id, forgotten), indent=2)
    finally:
        gallery.close()
