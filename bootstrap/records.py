"""The records that fit the settings: database, people, uploads and gallery."""

import logging
import sqlite3
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bootstrap.sealing import kept_files, note_keys
from bootstrap.vectors import open_gallery
from codes_dict import Refusal
from db.acceptances import Acceptances
from db.announced import Announced
from db.audit import AuditTrail, subject_key
from db.challenges import Challenges
from db.enrolment_unit import EnrolmentUnit
from db.enrolments import EnrolmentRecords
from db.face_records import FaceRecords
from db.forgetting import ForgettingUnit
from db.initialise import initialise
from db.installation import PSEUDONYMS, RECEIPTS, own_key
from db.migrations.upgrade import upgrade
from db.people import People
from db.recovery import recover
from db.replays import Replays
from db.schema import PeopleNames
from db.session import Database, make_engine
from db.subjects import Subjects
from db.uploads import UploadStore
from env_validator import Settings
from pipeline.ports import Forgotten
from pipeline.pseudonym import use_keys
from pipeline.stages.challenge import LIFETIME_S
from pipeline.stages.identity import SUBJECTS, shown_name
from pipeline.stages.replay import NEAR_BITS, NEAR_FACE_BITS
from pipeline.types import Embedder
from security.receipts import make_receipt, receipt_name

_log = logging.getLogger(__name__)


class Records:
    """Everything that is stored on a database, for one set of settings; making it reads and writes nothing."""

    def __init__(self, database: Database, settings: Settings, embedders: Mapping[str, Embedder]) -> None:
        self.database = database
        self.kept, kept_uploads = kept_files(settings, database)
        self.people = People(database, people_names(settings), self.kept)
        self.audit = AuditTrail(database, audit_folder(settings))
        self.enrolments, self.uploads = EnrolmentRecords(database), UploadStore(kept_uploads)
        self.gallery = open_gallery(settings, self.kept, self.enrolments, embedders)
        stored = database, self.people, self.enrolments, self.gallery
        self.enroller = EnrolmentUnit(*stored, self.uploads, self.kept, self.audit)
        self.forgetting = ForgettingUnit(*stored, self.uploads, self.kept, self.audit)
        self.faces = FaceRecords(*stored, self.kept)
        retention = settings.replay_retention_days
        self.replays = Replays(database, NEAR_BITS, NEAR_FACE_BITS, retention, seal=self.kept.seal)
        self.acceptances = Acceptances(database, self.audit)
        self.challenges = Challenges(database, LIFETIME_S)
        self.announced = Announced(database)
        self.subjects = Subjects(database, self.people, self.enrolments, SUBJECTS, shown_name)

    def close(self) -> None:
        """Close connections."""
        self.database.dispose()
        self.gallery.close()


def open_records(settings: Settings, embedders: Mapping[str, Embedder]) -> Records:
    """Open the records, create missing SQLite tables, and finish what a crash interrupted.

    The server starts even while the database is down: each request tries again and answers 155 until it is back.
    """
    make_tables(settings)
    records = Records(open_database(settings), settings, embedders)
    note_keys(records.kept, records.uploads.kept)
    prepare(records)
    return records


def prepare(records: Records) -> None:
    """Add the tables that this version needs to an existing database, and finish what a crash interrupted."""
    use_keys(partial(subject_key, records.database))
    try:
        upgrade(records.database)
        records.forgetting.finish_all()
        recover(records.enrolments, records.uploads, records.kept, records.gallery.remove)
    except Refusal as refusal:
        _log.warning("the records are not prepared yet: %s", refusal)


def receipt_for(database: Database, person_id: str, forgotten: Forgotten) -> dict[str, Any]:
    """Return the signed receipt of a person who was forgotten. Raises `Refusal(DB_DOWN)`."""
    name = receipt_name(own_key(database, PSEUDONYMS), person_id)
    return make_receipt(own_key(database, RECEIPTS), name, forgotten.counts, forgotten.time)


def open_database(settings: Settings) -> Database:
    """Return the database of the settings; nothing is connected yet."""
    return Database(make_engine(settings.sql_uri, settings.sql_user, settings.sql_pass, settings.sql_schema))


def audit_folder(settings: Settings) -> Path:
    """Return the folder of this server's audit files."""
    return settings.audit_folder or settings.log_loc.parent / "audit"


def people_names(settings: Settings) -> PeopleNames:
    """Return the names of the people table and its columns."""
    return PeopleNames(settings.sql_table, settings.id_col, settings.name_col, settings.path_col)


def create_tables(settings: Settings) -> None:
    """Create what is missing of schema and tables. Raises `Refusal(DB_DOWN)`, or `OSError` or `sqlite3.Error`."""
    initialise(settings.sql_uri, people_names(settings), settings.sql_user, settings.sql_pass, settings.sql_schema)


def make_tables(settings: Settings) -> None:
    """Create the file and the tables of a SQLite database where they are missing; a server's are bin/init-db's."""
    if settings.sqlite_path is None:
        return
    try:
        create_tables(settings)
    except (Refusal, OSError, sqlite3.Error) as error:
        _log.error("155 could not create the tables: %s", error)
