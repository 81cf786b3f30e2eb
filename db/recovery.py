"""After a crash: `recover` finishes committed enrolments, `sweep` removes files that were never committed."""

import logging
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from db import files
from db.enrolments import EnrolmentRecords
from db.faces import TOKEN, FaceFolders, remove_empty
from db.files import files_in
from db.inflight import FOLDER, InflightNotes
from db.kept import KeptFiles
from db.session import batches
from db.uploads import UploadStore

log = logging.getLogger(__name__)

Forget = Callable[[Collection[str]], None]
"""Removes what the gallery holds of enrolments that do not count, by their tokens."""


def recover(enrolments: EnrolmentRecords, uploads: UploadStore, kept: KeptFiles, forget: Forget) -> int:
    """Finish what was committed, undo what was not; return how many things were left. `kept` is DB_PATH.

    Renames the folders of enrolled uploads, removes the files of replaced enrolments and of those whose process died
    before the commit. Call it at start; it does not depend on the number of people and is safe while others work.
    Raises `Refusal(Code.DB_DOWN)`.
    """
    finished = 0
    for upload_id in enrolments.used(uploads.waiting()):
        uploads.mark_used(upload_id)
        finished += 1
    faces = FaceFolders(kept)
    undone = _undo(enrolments, faces, kept, forget)
    gone = [one.token for one in enrolments.unfinished() if faces.remove(one.folder, one.token)]
    forget(set(gone))
    enrolments.finish(gone)
    if finished or gone or undone:
        log.info("recovered after a crash: %d uploads, %d replaced, %d unfinished", finished, len(gone), undone)
    return finished + len(gone) + undone


def _undo(enrolments: EnrolmentRecords, faces: FaceFolders, kept: KeptFiles, forget: Forget) -> int:
    abandoned = InflightNotes(kept).abandoned()
    committed = enrolments.known([one.token for one in abandoned])
    dead = [one for one in abandoned if one.token not in committed and faces.remove(one.folder, one.token)]
    forget({one.token for one in dead})
    for one in abandoned:
        if one in dead or one.token in committed:
            files.remove(one.note)
    return len(dead)


def sweep(
    enrolments: EnrolmentRecords,
    uploads: UploadStore,
    kept: KeptFiles,
    forget: Forget,
    older_than: float,
    clock: Callable[[], float] = time.time,
) -> int:
    """Remove files older than `older_than` seconds of which no enrolment counts; return how many.

    `older_than` has to exceed what an enrolment can take: its files exist before its commit. Enrolments that were
    removed are among them: their folder may have been away then. Files with names of other origin stay. Raises
    `Refusal(Code.DB_DOWN)`.
    """
    before = clock() - older_than
    old = (
        path
        for place in FaceFolders(kept).folders()
        for path in files_in(place)
        if (TOKEN.match(path.name.lstrip(".")) or path.name.endswith(files.PART)) and files.is_older(path, before)
    )
    removed = sum(_remove_orphans(some, enrolments, kept, forget) for some in batches(old))
    removed += sum(files.remove(path) for path in (kept.root / FOLDER).glob("*") if files.is_older(path, before))
    return removed + clear_parts(uploads, kept, before)


def _remove_orphans(paths: Sequence[Path], enrolments: EnrolmentRecords, kept: KeptFiles, forget: Forget) -> int:
    """Remove those of these files that belong to no enrolment that counts; return how many."""
    tokens = sorted({path.name.lstrip(".")[:32] for path in paths})
    active = enrolments.active(tokens)
    orphans = [path for path in paths if path.name.endswith(files.PART) or path.name[:32] not in active]
    forget({token for token in tokens if TOKEN.match(f"{token}.") and token not in active})
    removed = sum(files.remove(path) for path in orphans)
    for folder in sorted({path.relative_to(kept.root).parts[0] for path in orphans}):
        remove_empty(kept.root / folder)
    return removed


def clear_parts(uploads: UploadStore, kept: KeptFiles, before: float) -> int:
    """Remove unfinished files of dead processes and those last changed before that time; return how many.

    Looks at the gallery files, notes and uploads, not into people's folders, where `recover` and `sweep` do it.
    """
    parts = [*files.unfinished_in(kept.root), *files.unfinished_in(kept.root / FOLDER)]
    left = [path for path in parts if files.is_left_over(path) or files.is_older(path, before)]
    return sum(files.remove(path) for path in left) + uploads.sweep(before)
