"""The people's folders: files are written anew, under the folder's other name where they are sealed or unsealed."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import sqlalchemy as sa

from codes_dict import Code
from db import files
from db.enrolments import EnrolmentRecords
from db.faces import TOKEN, remove_empty
from db.files import files_in
from db.forgetting import is_being_forgotten
from db.kept import KeptFiles
from db.people import People
from db.rekey.progress import Progress, Step, is_current, opened
from db.schema import COUNTS
from db.schema import enrolments as enrolments_table
from db.session import Database

_BATCH = 16  # files in memory at a time


class PeopleRekeying:
    """The folders of all who are enrolled or have a row. `kept` is DB_PATH."""

    def __init__(
        self, database: Database, people: People, enrolments: EnrolmentRecords, kept: KeptFiles, step: Step
    ) -> None:
        self._database, self._people, self._enrolments = database, people, enrolments
        self._kept, self._step = kept, step

    def run(self, progress: Progress) -> None:
        """Write everybody's files anew. Raises `Refusal`: DB_DOWN, NO_SPACE."""
        inner_first = sorted(self._owners().items(), key=lambda one: -one[0].count("/"))
        for folder, owners in inner_first:
            if any(self._lacking(folder)):
                self._folder(folder, sorted(owners), progress)

    def strangers(self) -> list[Path]:
        """Return the folders in DB_PATH that belong to nobody: nothing is written there."""
        places = {place for folder in self._owners() for place in self._kept.folders(folder)}
        owned = {self._kept.root / place.relative_to(self._kept.root).parts[0] for place in places}
        found = [path for path in self._kept.root.glob("[!.]*") if path.is_dir() and path not in owned]
        return [path for path in found if files_in(path)]

    def _owners(self) -> Mapping[str, set[str]]:
        """Return the IDs whose files are in each documented folder."""
        owners: dict[str, set[str]] = {}
        for person in self._people.all():
            owners.setdefault(person.path, set()).add(person.id)
        query = sa.select(enrolments_table.c.folder, enrolments_table.c.reco_id).where(COUNTS).distinct()
        for folder, person_id in self._database.rows(query):
            owners.setdefault(folder, set()).add(person_id)
        return owners

    def _lacking(self, folder: str) -> Iterator[tuple[Path, Path]]:
        """Return each file that is not as it should be, after the place of the folder where it is."""
        for number, place in enumerate(self._kept.folders(folder)):
            for path in files_in(place):
                if not path.is_symlink() and (number > 0 or not is_current(self._kept, path)):
                    yield place, path

    def _folder(self, folder: str, owners: list[str], progress: Progress) -> None:
        """Write a folder's files anew while nobody enrols or forgets its people."""
        for person_id in owners:
            self._enrolments.make_lock(person_id)
        with self._database.writing(failed=Code.DB_DOWN) as connection:
            if not all(self._enrolments.lock(connection, one) for one in owners) or any(
                is_being_forgotten(connection, one) for one in owners
            ):
                progress.waiting += 1
                return
            ready = self._ready(folder, progress)
            for start in range(0, len(ready), _BATCH):
                self._write(folder, ready[start : start + _BATCH], progress)
            for place in self._kept.folders(folder)[1:]:
                remove_empty(place)

    def _ready(self, folder: str, progress: Progress) -> list[tuple[Path, Path]]:
        """Return the files that count; those of enrolments in progress, or that are being removed, have to wait."""
        lacking = list(self._lacking(folder))
        tokens = {path: found[0] for _, path in lacking if (found := TOKEN.match(path.name.lstrip(".")))}
        active = self._enrolments.active(sorted(set(tokens.values())))
        ready = []
        for place, path in lacking:
            if path.name.endswith(files.PART):
                progress.waiting += not (files.is_left_over(path) and files.remove(path))
            elif path in tokens and tokens[path] not in active:
                progress.waiting += 1
            else:
                ready.append((place, path))
        return ready

    def _write(self, folder: str, some: list[tuple[Path, Path]], progress: Progress) -> None:
        contents: dict[Path, bytes] = {}
        done: list[tuple[Path, Path]] = []
        for place, path in some:
            found = opened(self._kept, path, progress)
            if found is not None:
                target, note = self._target(folder, place, path, found[1])
                contents[target] = self._kept.sealed(target, found[0], note)
                done.append((path, target))
        if contents:
            files.write_together(contents)
            self._step("faces written")
            progress.changed += len(contents)
            for path, target in done:
                if path != target:
                    files.remove(path)
            self._step("old faces removed")

    def _target(self, folder: str, place: Path, path: Path, note: str) -> tuple[Path, str]:
        """Return where a file goes, and its note: the name of one that no enrolment wrote is hidden there."""
        new = self._kept.folders(folder)[0]
        inner = path.relative_to(place)
        if TOKEN.match(path.name):
            return new / inner, ""
        name = note or inner.as_posix()
        if self._kept.seal.forms[0]:
            return new / self._kept.names(f"{folder}/{name}")[0], name
        return files.inside(new, name) or new / inner, ""
