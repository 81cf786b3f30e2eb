"""One pass over everything that is kept."""

from collections.abc import Callable

from db import files
from db.enrolments import EnrolmentRecords
from db.gallery.pickles import LOCK
from db.kept import KeptFiles
from db.people import People
from db.rekey.marks import MarksRekeying
from db.rekey.people import PeopleRekeying
from db.rekey.progress import Progress, Step, is_current, opened
from db.rekey.uploads import UploadsRekeying
from db.sent_photos import FOLDER as SENT
from db.sent_photos import SentPhotos
from db.session import Database


class Rekeying:
    """Everything in DB_PATH (`kept`), UPLOAD_FOLDER (`kept_uploads`) and the table of used photos.

    `step` is called after each step with its name, as in `EnrolmentUnit`.
    """

    def __init__(
        self,
        database: Database,
        people: People,
        enrolments: EnrolmentRecords,
        kept: KeptFiles,
        kept_uploads: KeptFiles,
        step: Step = lambda _name: None,
    ) -> None:
        self._people, self._kept, self._step = people, kept, step
        self._folders = PeopleRekeying(database, people, enrolments, kept, step)
        self._parts: list[Callable[[Progress], None]] = [
            self._embeddings,
            self._folders.run,
            UploadsRekeying(kept_uploads, step).run,
            MarksRekeying(database, kept.seal, step).run,
            self._notes,
        ]

    def run(self) -> Progress:
        """Do one pass. Nothing is left to do once it has neither changed anything nor waits for anything.

        Raises `Refusal`: DB_DOWN, NO_SPACE.
        """
        progress = Progress()
        for part in self._parts:
            part(progress)
        return progress

    def strangers(self) -> int:
        """Return how many folders in DB_PATH belong to nobody who is enrolled: they stay as they are."""
        return len(self._folders.strangers())

    def _embeddings(self, progress: Progress) -> None:
        for path in sorted(self._kept.root.glob("gallery_*.pkl")):
            if not is_current(self._kept, path):
                with files.locked(self._kept.root / LOCK, wait=True):  # nobody merges or forgets meanwhile
                    found = opened(self._kept, path, progress)
                    if found is not None:
                        self._kept.write({path: found[0]})
                        self._step("embeddings written")
                        progress.changed += 1

    def _notes(self, progress: Progress) -> None:
        """Write the notes of bin/enrol-folder anew; those of people who are not enrolled are removed."""
        sent, known = SentPhotos(self._kept), set()
        for person in self._people.all():
            places = sent.places(person.id)
            known.update(places)
            if any(path.exists() and (path != places[0] or not is_current(self._kept, path)) for path in places):
                sent.add(person.id, ())
                for path in places[1:]:
                    files.remove(path)
                self._step("note written")
                progress.changed += 1
        for path in files.files_in(self._kept.root / SENT):
            if path.suffix == ".json" and path not in known:
                files.remove(path)
