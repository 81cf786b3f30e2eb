"""Which photos bin/enrol-folder has sent for a person: a note in DB_PATH with the SHA-256 of each."""

import hashlib
import json
import logging
from collections.abc import Collection
from pathlib import Path

from codes_dict import Refusal
from db import files
from db.kept import KeptFiles
from pipeline.pseudonym import pseudonym
from security.sealing import SealBrokenError

log = logging.getLogger(__name__)

FOLDER = ".enrol-folder"


class SentPhotos:
    """The notes. `kept` is DB_PATH."""

    def __init__(self, kept: KeptFiles) -> None:
        self._kept = kept

    def of(self, person_id: str) -> frozenset[str]:
        """Return the SHA-256 of each photo; none if there is no note, or it is damaged."""
        try:
            found = (self._kept.read(place) for place in self.places(person_id))
            noted = json.loads(next((data for data in found if data is not None), b"[]"))
            return frozenset(str(digest) for digest in noted)
        except (SealBrokenError, ValueError, TypeError):
            log.warning("the note on the photos of %s is damaged and ignored", pseudonym(person_id))
            return frozenset()

    def add(self, person_id: str, digests: Collection[str]) -> None:
        """Note photos in addition to earlier ones; failures are logged and ignored."""
        known = sorted(self.of(person_id) | set(digests))
        try:
            self._kept.write({self.places(person_id)[0]: json.dumps(known).encode()})
        except Refusal as refusal:  # the person is enrolled, and the database knows with which photos
            log.warning("the note on the photos of %s could not be written: %s", pseudonym(person_id), refusal.detail)

    def forget(self, person_id: str) -> bool:
        """Remove a person's note; True if it is gone."""
        return sum(not files.remove(place) for place in self.places(person_id)) == 0

    def places(self, person_id: str) -> list[Path]:
        """Return where a person's note may be, the place where it is written first."""
        folder = self._kept.root / FOLDER
        names = self._kept.names(person_id)
        return [folder / hashlib.sha256(name.encode()).hexdigest()[:2] / f"{name}.json" for name in names]
