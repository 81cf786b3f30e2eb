"""The server as its operator sees it: settings, keys, people, uploads."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.callers import StoredKeys
from bootstrap.records import Records
from bootstrap.shown_models import shown_models
from codes_dict import Code, Refusal
from db.faces import FaceFolders
from db.upload_list import list_uploads
from env_validator import Settings, described
from pipeline.flows import Services
from pipeline.ports import AuditEvent
from pipeline.pseudonym import pseudonym
from pipeline.types import LivenessAbout, Person
from security.keyring import Keyring
from security.keys import DAY_S, KeyRecord, new_key

_log = logging.getLogger(__name__)

HOUR_S = 3600


@dataclass(frozen=True, eq=False)
class ServerOperator:
    """Reads and changes what the operator's side shows. `lease`, `current` and `liveness` are the container's.

    `current` lends the settings and records that serve now, None before the first are built.
    """

    env_file: Path
    stored_keys: StoredKeys
    keyring: Keyring
    lease: Callable[[], AbstractContextManager[Services]]
    current: Callable[[], AbstractContextManager[tuple[Settings, Records] | None]]
    liveness: Callable[[Settings], LivenessAbout | None]
    clock: Callable[[], float] = time.time

    def settings(self) -> list[dict[str, Any]]:
        """Return every key of `.env` with its value, where that is no secret, and its fault."""
        return [dict(row) for row in described(self.env_file)]

    def models(self) -> dict[str, Any]:
        """Return which models decide. Raises `Refusal(BAD_ENV)`."""
        with self.lease() as services, self._records() as (settings, _):
            return shown_models(settings, services, self.liveness(settings))

    def keys(self) -> list[dict[str, Any]]:
        """Return all API keys, without the keys themselves. Raises `Refusal` BAD_ENV or DB_DOWN."""
        return [self._shown(record) for record in self.stored_keys.records().all()]

    def make_key(self, label: str, scopes: Sequence[str], days: int) -> tuple[str, dict[str, Any]]:
        """Make a key. Raises `ValueError`, `Refusal` BAD_ENV or DB_DOWN."""
        now = int(self.clock())
        text, record = new_key(label, scopes, now, now + days * DAY_S if days else None)
        self._note("keys", made=record.key_id, scopes=sorted(record.scopes))
        self.stored_keys.records().add(record)
        self.keyring.refresh()
        return text, self._shown(record)

    def revoke_key(self, key_id: str) -> bool:
        """Revoke a key. Raises `Refusal` BAD_ENV or DB_DOWN."""
        revoked = self.stored_keys.records().revoke(key_id, int(self.clock()))
        if revoked:
            self._note("keys", revoked=key_id)
        self.keyring.refresh()
        return revoked

    def people(self, text: str, most: int) -> list[dict[str, Any]]:
        """Return people whose ID or name contains this text. Raises `Refusal` BAD_ENV or DB_DOWN."""
        with self._records() as (_, records):
            return [_row(person) for person in records.people.search(text, most)]

    def person(self, person_id: str) -> dict[str, Any]:
        """Return what is stored of a person. Raises `Refusal` NO_ROW, BAD_ENV or DB_DOWN."""
        with self._records() as (_, records):
            person = records.people.find(person_id)
            if person is None:
                raise Refusal(Code.NO_ROW, field="id")
            history = records.enrolments.history(person_id)
            return {
                **_row(person),
                "row": person.key,
                "folder": person.path,
                "folder_exists": records.people.folder_exists(person),
                "pseudonym": pseudonym(person_id),
                "same_as": sorted(records.people.same_as(person_id) - {person_id}),
                "faces": sum(photos for _, photos in history),
                "enrolments": [{"made": made, "photos": photos} for made, photos in history],
                **records.uploads.count(person_id),
            }

    def face(self, person_id: str, number: int) -> bytes:
        """Return one of a person's enrolled faces, from 0, as PNG. Raises `Refusal` NO_ROUTE, BAD_ENV or DB_DOWN."""
        with self._records() as (_, records):
            for enrolment in records.enrolments.of_people([person_id]):
                if number < enrolment.images:
                    picture = FaceFolders(records.kept).picture(enrolment, number + 1)
                    if picture is not None:
                        self._note("picture shown", person_id)
                        return picture
                    break
                number -= enrolment.images
        raise Refusal(Code.NO_ROUTE, advice="There is no such picture.")

    def uploads(self, most: int) -> dict[str, Any]:
        """Return the newest uploads and when each ends. Raises `Refusal(BAD_ENV)`."""
        with self._records() as (settings, records):
            count, newest = list_uploads(records.uploads.root, most)
            lasts = settings.upload_ttl * HOUR_S
        return {"count": count, "newest": [{**one, "ends": one["made"] + lasts} for one in newest]}

    def log_file(self) -> Path:
        """Return where the log is. Raises `Refusal(BAD_ENV)`."""
        with self._records() as (settings, _):
            return settings.log_loc

    def note_sign_in(self) -> None:
        """Record in the audit that an operator has signed in; where that fails, the operator gets in to see why."""
        with self.current() as current:
            try:
                if current is not None:
                    current[1].audit.record(AuditEvent("operator signed in"))
            except Refusal as refusal:
                _log.warning("the operator's sign-in was not recorded in the audit: %s", refusal)

    def _note(self, action: str, person_id: str = "", **about: Any) -> None:
        """Record what the operator does in the audit. Raises `Refusal` BAD_ENV, DB_DOWN or NO_SPACE."""
        with self.lease() as services:
            services.audit.record(AuditEvent(action, person_id, about=about))

    @contextmanager
    def _records(self) -> Iterator[tuple[Settings, Records]]:
        with self.current() as current:
            if current is None:
                raise Refusal(Code.BAD_ENV)
            yield current

    def _shown(self, record: KeyRecord) -> dict[str, Any]:
        scopes = sorted(record.scopes)
        hidden = {name: value for name, value in vars(record).items() if name != "digest"}
        return {**hidden, "scopes": scopes, "state": record.state(self.clock())}


def _row(person: Person) -> dict[str, Any]:
    return {"id": person.id, "name": person.given_name or person.name}
