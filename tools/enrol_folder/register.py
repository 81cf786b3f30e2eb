"""Which photos are already enrolled, so that an interrupted run can be repeated: nobody is lost or enrolled twice.

The upload's name is derived from its photos, and the database accepts each upload once. This holds after any crash and
with several processes working on the same people. In addition, a note per person in `DB_PATH/.enrol-folder` lists the
photos that were sent before, for folders to which photos have been added.
"""

import hashlib
import itertools
from collections.abc import Collection, Sequence

from bootstrap.records import Records
from db.kept import KeptFiles
from db.sent_photos import SentPhotos
from db.uploads import StoredUpload, UploadStore
from pipeline.ports import NewImage


class Register:
    """What is known about people's photos."""

    def __init__(self, records: Records) -> None:
        self._records, self._sent = records, SentPhotos(records.kept)

    def sent_before(self, person_id: str) -> frozenset[str]:
        """Return the SHA-256 of each photo that was sent for an enrolled person; empty for anybody else."""
        return self._sent.of(person_id) if self._counting(person_id) else frozenset()

    def upload_id(self, person_id: str, digests: Collection[str]) -> str | None:
        """Return the id of the upload for these photos; None if they are enrolled.

        Photos that were removed with their person, or with the whole database, can be enrolled again under another id.
        Raises `Refusal(Code.DB_DOWN)`.
        """
        for time in itertools.count():
            said = "\n".join([person_id, str(time), *sorted(digests)])
            upload_id = f"{person_id}-{hashlib.sha256(said.encode()).hexdigest()[:32]}"
            # In this order: another process commits its enrolment first, and marks its upload as used afterwards.
            is_used = self._records.uploads.is_used(upload_id)
            if self._records.enrolments.by_upload(upload_id) is not None:
                if upload_id in self._counting(person_id):
                    return None
            elif not is_used:
                return upload_id
        raise AssertionError("unreachable")

    def note(self, person_id: str, digests: Collection[str]) -> None:
        """Record that these photos were sent, in addition to those that were sent before for the same person."""
        if not self._counting(person_id):
            self._sent.forget(person_id)
        self._sent.add(person_id, digests)

    def _counting(self, person_id: str) -> set[str]:
        """Return the uploads of a person; an enrolment without its row in the people table is ignored."""
        if self._records.people.find(person_id) is None:
            return set()
        with self._records.database.reading() as connection:
            return {one.upload_id for one in self._records.enrolments.of_person(connection, person_id)}


class NamedUploads(UploadStore):
    """The uploads of one person, under an id that is chosen in advance."""

    def __init__(self, kept: KeptFiles, upload_id: str) -> None:
        super().__init__(kept, suffix=lambda: upload_id.rpartition("-")[2])
        self._chosen = upload_id

    def create(self, person_id: str, images: Sequence[NewImage], challenge: Sequence[str] = ()) -> StoredUpload:
        """Store these photos; files that an interrupted run left under the id are removed."""
        self.discard(self._chosen)
        return super().create(person_id, images, challenge)
